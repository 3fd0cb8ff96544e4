//! How many users a business may write to first, and how that rises and falls.

use bulla_base::{Day, Quality, Tier, Timestamp};
use bulla_integrity::TierState;
use bulla_store::StoreError;

use super::watched::DAMAGED;
use crate::limits::TIER_DAYS;

/// The tier of a business, and how many users it has written to on each of the last 30 days. Who was written
/// to on several of them counts on each: to tell that it was the same user, their tag would have to stay.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Tiers {
    state: TierState,
    today: Day,
    /// Today's, yesterday's and so on.
    users: [u32; TIER_DAYS],
}

impl Tiers {
    const BYTES: usize = TierState::BYTES + 4 + TIER_DAYS * 4;

    /// Of a business that is new.
    pub(super) fn new() -> Self {
        Self { state: TierState::default(), today: Day::default(), users: [0; TIER_DAYS] }
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().map_err(|_| DAMAGED)?;
        let (state, rest) = bytes.split_first_chunk().ok_or(DAMAGED)?;
        let state = TierState::from_bytes(*state).map_err(|_| DAMAGED)?;
        let mut numbers = rest.as_chunks::<4>().0.iter().map(|number| u32::from_be_bytes(*number));
        let today = Day::from_number(numbers.next().ok_or(DAMAGED)?);
        let mut users = [0; TIER_DAYS];
        users.iter_mut().zip(numbers).for_each(|(day, read)| *day = read);
        Ok(Self { state, today, users })
    }

    /// What is to be stored.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.state.to_bytes().to_vec();
        bytes.extend_from_slice(&self.today.number().to_be_bytes());
        self.users.iter().for_each(|day| bytes.extend_from_slice(&day.to_be_bytes()));
        bytes
    }

    pub(super) const fn tier(&self) -> Tier {
        self.state.tier()
    }

    /// Somebody has found out who the business is.
    pub(super) const fn verify(&mut self) {
        self.state.verify();
    }

    /// The operator decides: what the business did before leads it nowhere.
    pub(super) const fn set(&mut self, tier: Tier) {
        self.state.set(tier);
        self.users = [0; TIER_DAYS];
    }

    /// One user more was written to first, which makes `reached` in 24 hours.
    pub(super) fn note_user(&mut self, reached: usize, now: Timestamp) {
        self.go_on(now.day());
        if let Some(today) = self.users.first_mut() {
            *today = today.saturating_add(1);
        }
        self.state.note_users(reached, now.day());
    }

    /// Judges the business, once a day. Returns the tier before, if it changed.
    pub(super) fn judge(&mut self, quality: Quality, now: Timestamp) -> Option<Tier> {
        self.go_on(now.day());
        self.state.judge(quality, self.users(), now.day())
    }

    /// To how many users it has written first in these days.
    pub(super) fn users(&self) -> u64 {
        self.users.iter().map(|day| u64::from(*day)).sum()
    }

    /// Goes on to `today`. A clock that goes back changes nothing.
    fn go_on(&mut self, today: Day) {
        let over = today.number().saturating_sub(self.today.number());
        let over = usize::try_from(over).unwrap_or(usize::MAX).min(TIER_DAYS);
        if over > 0 {
            self.today = today;
            self.users.rotate_right(over);
            self.users.iter_mut().take(over).for_each(|day| *day = 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u32) -> Timestamp {
        Timestamp::from_millis(u64::from(20_000 + day) * 86_400_000)
    }

    #[test]
    fn two_thousand_users_in_thirty_days_lead_out_of_the_first_tier_and_not_in_thirty_one() {
        for (last, rises) in [(29, true), (30, false)] {
            let mut tiers = Tiers::new();
            (0..1_000).for_each(|_| tiers.note_user(1, at(0)));
            (0..1_000).for_each(|_| tiers.note_user(1, at(last)));
            let mut tiers = Tiers::from_bytes(&tiers.to_bytes()).unwrap();
            assert_eq!(tiers.judge(Quality::Green, at(last)).is_some(), rises, "{last}");
            assert_eq!(tiers.tier() == Tier::Users2K, rises);
        }
        let mut lowered = Tiers::new();
        (0..2_000).for_each(|_| lowered.note_user(1, at(0)));
        lowered.set(Tier::Users250);
        assert_eq!(lowered.judge(Quality::Green, at(0)), None, "it has written to nobody since");
        assert!(Tiers::from_bytes(&[0; Tiers::BYTES]).is_err() && Tiers::from_bytes(&[]).is_err());
    }
}
