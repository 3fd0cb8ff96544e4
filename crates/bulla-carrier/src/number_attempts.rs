//! How often it was tried in vain to prove a number.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bulla_base::{Partition, Timestamp};
use bulla_transport::TransportError;

use crate::limits::{ATTEMPTS_WINDOW, MAX_ATTEMPTS, MAX_COUNTED_NUMBERS};

/// The attempts that have failed of late, by the tag of the party whose number it was.
#[derive(Debug, Default)]
pub(crate) struct NumberAttempts(Mutex<Counted>);

/// In two halves: when the younger one is full it takes the place of the older, which is let go of. So what
/// is remembered is bounded, and the last half of it is remembered for certain.
#[derive(Debug, Default)]
struct Counted {
    young: HashMap<Partition, Attempts>,
    old: HashMap<Partition, Attempts>,
}

#[derive(Debug, Clone, Copy)]
struct Attempts {
    since: Timestamp,
    failed: u32,
}

impl Attempts {
    /// How long they count from now on.
    fn left(&self, now: Timestamp) -> Duration {
        // A clock that has gone back does not make them count for longer.
        ATTEMPTS_WINDOW.saturating_sub(now.since(self.since))
    }
}

impl NumberAttempts {
    /// Lets another attempt be made, unless too many have failed. It counts as one that has from now on, so
    /// that no more are made at once than one after the other.
    ///
    /// # Errors
    /// [`TransportError::TooManyAttempts`].
    pub(crate) fn begin(&self, number: Partition, now: Timestamp) -> Result<(), TransportError> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = counted.of(number).filter(|attempts| !attempts.left(now).is_zero());
        let attempts = match before {
            Some(attempts) if attempts.failed >= MAX_ATTEMPTS => {
                // In whole seconds, and never too early.
                let retry_after = Duration::from_secs(attempts.left(now).as_secs() + 1);
                return Err(TransportError::TooManyAttempts { retry_after });
            }
            Some(Attempts { since, failed }) => Attempts { since, failed: failed + 1 },
            None => Attempts { since: now, failed: 1 },
        };
        counted.put(number, attempts);
        Ok(())
    }

    /// Takes back one of which it could not be told what it was.
    pub(crate) fn take_back(&self, number: Partition) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempts) = counted.of(number) {
            counted.put(number, Attempts { failed: attempts.failed.saturating_sub(1), ..attempts });
        }
    }

    /// Forgets those of a number that was proved.
    pub(crate) fn succeeded(&self, number: Partition) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.young.remove(&number);
        counted.old.remove(&number);
    }
}

impl Counted {
    fn of(&self, number: Partition) -> Option<Attempts> {
        self.young.get(&number).or_else(|| self.old.get(&number)).copied()
    }

    fn put(&mut self, number: Partition, attempts: Attempts) {
        if self.young.len() >= MAX_COUNTED_NUMBERS / 2 && !self.young.contains_key(&number) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(number, attempts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u32) -> Partition {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Partition::from_bytes(bytes)
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// After how many seconds to come again, if this attempt is refused.
    fn refused_for(attempts: &NumberAttempts, of: Partition, now: Timestamp) -> Option<u64> {
        match attempts.begin(of, now) {
            Err(TransportError::TooManyAttempts { retry_after }) => Some(retry_after.as_secs()),
            _ => None,
        }
    }

    #[test]
    fn five_attempts_may_fail_in_ten_minutes_and_who_comes_then_is_told_when_to_come_again() {
        let attempts = NumberAttempts::default();
        for second in 100..105 {
            assert_eq!(refused_for(&attempts, number(1), at(second)), None);
        }
        assert_eq!(refused_for(&attempts, number(1), at(105)), Some(596));
        assert_eq!(refused_for(&attempts, number(2), at(105)), None, "each number for itself");
        assert_eq!(refused_for(&attempts, number(1), at(699)), Some(2));
        // Counted anew.
        for second in 700..705 {
            assert_eq!(refused_for(&attempts, number(1), at(second)), None);
        }
        assert!(refused_for(&attempts, number(1), at(705)).is_some());
    }

    #[test]
    fn a_number_that_was_proved_has_all_its_attempts_again_and_what_could_not_be_told_is_none() {
        let attempts = NumberAttempts::default();
        for _ in 0..10 {
            assert_eq!(refused_for(&attempts, number(1), at(1)), None);
            attempts.take_back(number(1));
        }
        (0..5).for_each(|_| attempts.begin(number(1), at(1)).unwrap());
        assert!(refused_for(&attempts, number(1), at(1)).is_some());
        attempts.succeeded(number(1));
        assert_eq!(refused_for(&attempts, number(1), at(1)), None);
    }

    /// Whoever tries many numbers makes nobody's memory grow, and cannot have the last ones forgotten.
    #[test]
    fn no_more_numbers_are_counted_than_the_bound_says() {
        let attempts = NumberAttempts::default();
        let most = u32::try_from(MAX_COUNTED_NUMBERS).unwrap();
        for of in 0..2 * most {
            (0..5).for_each(|_| attempts.begin(number(of), at(1)).unwrap());
        }
        let counted = attempts.0.lock().unwrap();
        assert!(counted.young.len() + counted.old.len() <= MAX_COUNTED_NUMBERS);
        drop(counted);
        for of in 2 * most - most / 2..2 * most {
            assert!(refused_for(&attempts, number(of), at(2)).is_some(), "{of}");
        }
        assert_eq!(refused_for(&attempts, number(0), at(2)), None);
    }
}
