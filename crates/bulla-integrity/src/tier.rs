use bulla_base::{Day, Quality, Tier};

use crate::InvalidForm;
use crate::limits::{DAYS_OF_LOW_QUALITY, USED_DAYS, USERS_TO_LEAVE_FIRST_TIER};

/// In which tier a business is, and what it takes to rise or fall.
///
/// * From the first tier it rises when it is verified, or has written to
///   [`USERS_TO_LEAVE_FIRST_TIER`](crate::USERS_TO_LEAVE_FIRST_TIER) users in 30 days.
/// * From any other it rises when it has used half of its limit within [`USED_DAYS`](crate::USED_DAYS) days.
/// * It rises by one a day, and only with a quality that is not [low](Quality::Red).
/// * It falls by one for each [`DAYS_OF_LOW_QUALITY`](crate::DAYS_OF_LOW_QUALITY) days on end of low quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TierState {
    tier: Tier,
    is_verified: bool,
    /// The last day on which half the limit was used, and the last one that was judged.
    half_used: Day,
    judged: Day,
    low_days: u8,
}

impl TierState {
    /// How many bytes it takes when it is stored.
    pub const BYTES: usize = 11;

    /// Reads what [`TierState::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are of another form.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Result<Self, InvalidForm> {
        let [tier, is_verified, a, b, c, d, e, f, g, h, low_days] = bytes;
        let tier = Tier::from_code(tier).ok_or(InvalidForm::Field { field: "tier", expected: "a tier" })?;
        let half_used = Day::from_number(u32::from_be_bytes([a, b, c, d]));
        let judged = Day::from_number(u32::from_be_bytes([e, f, g, h]));
        match (is_verified, low_days) {
            (0 | 1, 0..DAYS_OF_LOW_QUALITY) => {
                Ok(Self { tier, is_verified: is_verified == 1, half_used, judged, low_days })
            }
            _ => {
                Err(InvalidForm::Field { field: "tier", expected: "days of low quality within their bound" })
            }
        }
    }

    /// What is to be stored.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let Self { tier, is_verified, half_used, judged, low_days } = *self;
        let [a, b, c, d] = half_used.number().to_be_bytes();
        let [e, f, g, h] = judged.number().to_be_bytes();
        [tier.code(), u8::from(is_verified), a, b, c, d, e, f, g, h, low_days]
    }

    /// The tier.
    #[must_use]
    pub const fn tier(&self) -> Tier {
        self.tier
    }

    /// Somebody has found out who the business is: from the first tier it rises by that.
    pub const fn verify(&mut self) {
        self.is_verified = true;
    }

    /// Somebody has decided that the business is in `tier`, from where it goes on by the rules, and by what
    /// it does from now on. In the first tier it stays, though it was verified, until it has written to
    /// enough users or is [verified](Self::verify) once more.
    pub const fn set(&mut self, tier: Tier) {
        self.enter(tier);
        self.low_days = 0;
        if matches!(tier, Tier::Users250) {
            self.is_verified = false;
        }
    }

    /// So many users count `today`: whether that is half of the limit decides whether it may rise.
    pub fn note_users(&mut self, users: usize, today: Day) {
        let half = self.tier.users().map(|limit| limit / 2);
        if half.is_some_and(|half| users >= usize::try_from(half).unwrap_or(usize::MAX)) {
            self.half_used = self.half_used.max(today);
        }
    }

    /// Judges the business, whose quality is `quality` and who has written to `users` in the last 30 days. To
    /// be called once a day; a second time nothing changes. Returns the tier before, if it changed.
    pub fn judge(&mut self, quality: Quality, users: u64, today: Day) -> Option<Tier> {
        if today <= self.judged {
            return None;
        }
        self.judged = today;
        let before = self.tier;
        self.low_days = if quality == Quality::Red { self.low_days + 1 } else { 0 };
        if self.low_days >= DAYS_OF_LOW_QUALITY {
            self.enter(before.below());
            self.low_days = 0;
        } else if quality != Quality::Red && self.may_rise(quality, users, today) {
            self.enter(before.above());
        }
        (self.tier != before).then_some(before)
    }

    /// Half of one limit is not half of another.
    const fn enter(&mut self, tier: Tier) {
        self.tier = tier;
        self.half_used = Day::from_number(0);
    }

    fn may_rise(&self, quality: Quality, users: u64, today: Day) -> bool {
        match self.tier {
            Tier::Users250 => {
                self.is_verified || quality == Quality::Green && users >= USERS_TO_LEAVE_FIRST_TIER
            }
            _ => self.half_used > today.minus(USED_DAYS) && self.half_used <= today,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: u32) -> Day {
        Day::from_number(20_000 + number)
    }

    #[test]
    fn a_verified_business_that_uses_half_of_each_limit_has_none_after_four_days() {
        let mut state = TierState::default();
        state.verify();
        let mut tiers = Vec::new();
        for today in 0..5 {
            let users = state.tier().users().unwrap_or_default() / 2;
            state.note_users(usize::try_from(users).unwrap(), day(today));
            let before = state.tier();
            assert_eq!(state.judge(Quality::Green, 0, day(today)), (today < 4).then_some(before));
            assert_eq!(state.judge(Quality::Green, 0, day(today)), None, "once a day");
            tiers.push(state.tier());
        }
        assert_eq!(tiers[..4], Tier::ALL[1..]);
        assert_eq!(tiers[4], Tier::Unlimited);
    }

    #[test]
    fn two_thousand_users_lead_out_of_the_first_tier_and_one_less_does_not() {
        for (users, quality, rises) in [
            (1_999, Quality::Green, false),
            (2_000, Quality::Green, true),
            (2_000, Quality::Yellow, false),
            (2_000, Quality::Unknown, false),
        ] {
            let mut state = TierState::default();
            assert_eq!(state.judge(quality, users, day(0)).is_some(), rises, "{users} {quality:?}");
        }
    }

    #[test]
    fn half_a_limit_counts_for_seven_days_and_one_user_less_never() {
        let second = || TierState { tier: Tier::Users2K, ..TierState::default() };
        for (users, later, rises) in [(1_000, 6, true), (1_000, 7, false), (999, 0, false)] {
            let mut state = second();
            state.note_users(users, day(0));
            assert_eq!(state.judge(Quality::Green, 0, day(later)).is_some(), rises, "{users} {later}");
        }
    }

    #[test]
    fn half_of_one_limit_leads_up_once() {
        let mut state = TierState { tier: Tier::Users2K, ..TierState::default() };
        state.note_users(1_000, day(0));
        let judged = [0, 1, 2].map(|today| state.judge(Quality::Green, 0, day(today)));
        assert_eq!(judged, [Some(Tier::Users2K), None, None]);
        assert_eq!(state.tier(), Tier::Users10K);
    }

    #[test]
    fn half_of_a_limit_that_holds_no_more_does_not_lead_back_up() {
        let mut fallen = TierState { tier: Tier::Users10K, ..TierState::default() };
        for today in 0..7 {
            fallen.note_users(5_000, day(today));
            let _ = fallen.judge(Quality::Red, 0, day(today));
        }
        assert_eq!(fallen.judge(Quality::Green, 0, day(7)), None);
        let mut lowered = TierState { tier: Tier::Users10K, ..TierState::default() };
        lowered.note_users(5_000, day(0));
        lowered.set(Tier::Users2K);
        assert_eq!(lowered.judge(Quality::Green, 0, day(0)), None);
        assert_eq!([fallen.tier(), lowered.tier()], [Tier::Users2K; 2]);
    }

    #[test]
    fn who_is_put_into_the_first_tier_stays_there_until_verified_again_or_with_enough_users() {
        for (users, verified_again, rises) in [(1_999, false, false), (2_000, false, true), (0, true, true)] {
            let mut state = TierState::default();
            state.verify();
            state.set(Tier::Users250);
            if verified_again {
                state.verify();
            }
            assert_eq!(state.judge(Quality::Green, users, day(0)).is_some(), rises, "{users}");
        }
    }

    #[test]
    fn seven_days_of_low_quality_on_end_cost_a_tier_and_six_do_not() {
        let mut state = TierState { tier: Tier::Users10K, ..TierState::default() };
        for today in 0..6 {
            state.note_users(9_000, day(today));
            assert_eq!(state.judge(Quality::Red, 9_000, day(today)), None, "it does not rise either");
        }
        let mut recovered = state;
        assert_eq!(state.judge(Quality::Red, 0, day(6)), Some(Tier::Users10K));
        assert_eq!(state.tier(), Tier::Users2K);
        assert_eq!(recovered.judge(Quality::Yellow, 0, day(6)), Some(Tier::Users10K), "half was used");
        assert_eq!(recovered.tier(), Tier::Users100K);
    }

    #[test]
    fn a_state_comes_back_and_no_other_bytes_are_read() {
        let mut state = TierState { tier: Tier::Users100K, ..TierState::default() };
        state.verify();
        state.note_users(70_000, day(3));
        let _ = state.judge(Quality::Red, 1, day(4));
        assert_eq!(TierState::from_bytes(state.to_bytes()), Ok(state));
        for (place, byte) in [(0, 0), (0, 6), (1, 2), (10, DAYS_OF_LOW_QUALITY)] {
            let mut bytes = state.to_bytes();
            bytes[place] = byte;
            assert!(TierState::from_bytes(bytes).is_err());
        }
    }
}
