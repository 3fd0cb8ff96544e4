//! How many users a business may write to outside their windows.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bulla_base::{Partition, Timestamp};

use super::InvalidRule;
use crate::limits::MAX_MESSAGING_LIMIT;

/// How long a user counts after the last message outside a window.
pub const LIMIT_PERIOD: Duration = Duration::from_secs(24 * 3600);

/// At most so many different users in a moving [`LIMIT_PERIOD`]. A business without a limit has no such rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessagingLimit {
    users: u32,
}

impl MessagingLimit {
    /// The first tier of the Cloud API.
    pub const USERS_250: Self = Self { users: 250 };
    /// Its second, as its older papers have it.
    pub const USERS_1000: Self = Self { users: 1_000 };
    /// Its second.
    pub const USERS_2000: Self = Self { users: 2_000 };
    /// Its third.
    pub const USERS_10000: Self = Self { users: 10_000 };
    /// The last before there is no limit.
    pub const USERS_100000: Self = Self { users: 100_000 };

    /// At most `users` different ones.
    ///
    /// # Errors
    /// When it is nothing, or more than a million.
    pub fn users(users: u32) -> Result<Self, InvalidRule> {
        if !(1..=MAX_MESSAGING_LIMIT).contains(&users) {
            let (actual, most) = (u128::from(users), u128::from(MAX_MESSAGING_LIMIT));
            return Err(InvalidRule::Number { field: "users", actual, least: 1, most });
        }
        Ok(Self { users })
    }
}

/// The users that count, by the tags under which their records stand: no number is among them.
///
/// Who is about to be written to is counted first: however many are under way at once, there are never more
/// than may be. What comes to nothing is taken back.
#[derive(Debug, Default)]
pub(crate) struct Recipients {
    until: HashMap<Partition, Timestamp>,
    /// The same, in the order of their ends.
    ends: BTreeSet<(Timestamp, Partition)>,
}

/// A user that counts because a message is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "it counts until it is released"]
pub(crate) struct Reservation {
    user: Partition,
    until: Timestamp,
    /// Until when the user counted before.
    before: Option<Timestamp>,
}

impl Recipients {
    /// Counts `user`, who was written to at `at`, whatever the limit is.
    pub(crate) fn note(&mut self, user: Partition, at: Timestamp) {
        let until = at.after(LIMIT_PERIOD);
        if self.until.get(&user).is_none_or(|before| *before < until) {
            let _ = self.set(user, Some(until));
        }
    }

    /// Counts `user`, who is to be written to at `now`.
    ///
    /// # Errors
    /// How long to wait until somebody does not count any more.
    pub(crate) fn reserve(
        &mut self,
        user: Partition,
        limit: MessagingLimit,
        now: Timestamp,
    ) -> Result<Reservation, Duration> {
        self.forget(now);
        let limit = usize::try_from(limit.users).unwrap_or(usize::MAX);
        if !self.until.contains_key(&user) && self.until.len() >= limit {
            let next = self.ends.iter().nth(self.until.len() - limit);
            return Err(next.map_or(LIMIT_PERIOD, |(until, _)| until.since(now)));
        }
        let until = now.after(LIMIT_PERIOD);
        let before = self.set(user, Some(until));
        Ok(Reservation { user, until, before })
    }

    /// Takes back what came to nothing, unless the user was written to since.
    pub(crate) fn release(&mut self, reservation: Reservation) {
        let Reservation { user, until, before } = reservation;
        if self.until.get(&user) == Some(&until) {
            let _ = self.set(user, before);
        }
    }

    /// Forgets `user`.
    pub(crate) fn erase(&mut self, user: Partition) {
        let _ = self.set(user, None);
    }

    /// Forgets those who count no more, and gives back their room: somebody who does not write takes none.
    pub(crate) fn evict_idle(&mut self, now: Timestamp) {
        self.forget(now);
        self.until.shrink_to_fit();
    }

    /// Forgets those who count no more. Nobody counts for longer than from now on: a later end is of a clock
    /// that was ahead.
    fn forget(&mut self, now: Timestamp) {
        while let Some((_, user)) = self.ends.first().copied().filter(|(until, _)| *until <= now) {
            let _ = self.set(user, None);
        }
        let latest = now.after(LIMIT_PERIOD);
        while let Some((_, user)) = self.ends.last().copied().filter(|(until, _)| *until > latest) {
            let _ = self.set(user, Some(latest));
        }
    }

    fn set(&mut self, user: Partition, until: Option<Timestamp>) -> Option<Timestamp> {
        let before = match until {
            Some(until) => self.until.insert(user, until),
            None => self.until.remove(&user),
        };
        if let Some(before) = before {
            self.ends.remove(&(before, user));
        }
        if let Some(until) = until {
            self.ends.insert((until, user));
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(number: u32) -> Partition {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Partition::from_bytes(bytes)
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    const DAY: u64 = 24 * 3600 * 1000;

    #[test]
    fn every_tier_takes_as_many_as_it_says_and_not_one_more() {
        for limit in [
            MessagingLimit::USERS_250,
            MessagingLimit::USERS_1000,
            MessagingLimit::USERS_2000,
            MessagingLimit::USERS_10000,
            MessagingLimit::USERS_100000,
        ] {
            let mut recipients = Recipients::default();
            let taken = (0..limit.users + 50)
                .filter(|number| recipients.reserve(user(*number), limit, at(u64::from(*number))).is_ok());
            assert_eq!(taken.count(), limit.users as usize);
            assert!(recipients.reserve(user(7), limit, at(DAY - 1)).is_ok(), "who counts already goes");
            let late = limit.users + 60;
            assert_eq!(recipients.reserve(user(late), limit, at(DAY - 1)), Err(Duration::from_millis(1)));
            assert!(recipients.reserve(user(late), limit, at(DAY)).is_ok(), "the first counts no more");
        }
    }

    #[test]
    fn a_user_counts_for_a_day_after_the_last_message_and_what_comes_to_nothing_counts_not_at_all() {
        let (mut recipients, one) = (Recipients::default(), MessagingLimit::users(1).unwrap());
        let first = recipients.reserve(user(1), one, at(0)).unwrap();
        recipients.release(first);
        let _ = recipients.reserve(user(2), one, at(1)).unwrap();
        let again = recipients.reserve(user(2), one, at(DAY)).unwrap();
        assert!(recipients.reserve(user(1), one, at(DAY + 1)).is_err(), "it was written to again");
        recipients.release(again);
        assert!(recipients.reserve(user(1), one, at(DAY)).is_err());
        let first = recipients.reserve(user(1), one, at(DAY + 1)).unwrap();
        let _ = recipients.reserve(user(1), one, at(DAY + 2)).unwrap();
        recipients.release(first);
        assert!(recipients.reserve(user(2), one, at(2 * DAY + 1)).is_err(), "only the last is taken back");
        recipients.erase(user(1));
        let _ = recipients.reserve(user(2), one, at(DAY + 3)).unwrap();
        assert_eq!(recipients.until.len(), recipients.ends.len());
    }

    #[test]
    fn those_who_count_no_more_take_no_memory_though_nobody_is_written_to() {
        let mut recipients = Recipients::default();
        (0..10_000).for_each(|number| recipients.note(user(number), at(u64::from(number))));
        recipients.evict_idle(at(DAY + 9_998));
        assert_eq!((recipients.until.len(), recipients.ends.len()), (1, 1));
        assert!(recipients.until.capacity() < 8, "room for {}", recipients.until.capacity());
        let one = MessagingLimit::users(1).unwrap();
        assert!(recipients.reserve(user(1), one, at(DAY + 9_998)).is_err(), "the last counts still");
        recipients.evict_idle(at(DAY + 9_999));
        assert_eq!((recipients.until.capacity(), recipients.ends.len()), (0, 0));
    }

    /// As when they are read from the store, in any order.
    #[test]
    fn a_user_counts_from_the_last_message_that_is_noted_whichever_comes_first() {
        for order in [[1, 5], [5, 1]] {
            let (mut recipients, one) = (Recipients::default(), MessagingLimit::users(1).unwrap());
            order.into_iter().for_each(|millis| recipients.note(user(1), at(millis)));
            assert_eq!(recipients.reserve(user(2), one, at(5)), Err(Duration::from_millis(DAY)));
        }
    }

    #[test]
    fn a_limit_that_was_brought_down_waits_until_there_is_room() {
        let (mut recipients, two) = (Recipients::default(), MessagingLimit::users(2).unwrap());
        for number in 0..5 {
            recipients.note(user(number), at(u64::from(number)));
        }
        assert_eq!(recipients.reserve(user(9), two, at(4)), Err(Duration::from_millis(DAY - 1)));
        recipients.note(user(4), at(0));
        assert!(recipients.reserve(user(9), two, at(DAY + 3)).is_ok());
    }

    #[test]
    fn a_clock_that_was_ahead_holds_nobody_up_for_longer_than_a_day() {
        let (mut recipients, one) = (Recipients::default(), MessagingLimit::users(1).unwrap());
        recipients.note(user(1), at(400 * DAY));
        assert_eq!(recipients.reserve(user(2), one, at(0)), Err(LIMIT_PERIOD));
        assert!(recipients.reserve(user(2), one, at(DAY)).is_ok());
    }

    #[test]
    fn limits_are_taken_at_their_edges_and_refused_past_them() {
        for edge in [1, MAX_MESSAGING_LIMIT] {
            MessagingLimit::users(edge).unwrap();
        }
        for past in [0, MAX_MESSAGING_LIMIT + 1] {
            MessagingLimit::users(past).unwrap_err();
        }
    }
}
