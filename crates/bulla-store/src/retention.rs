use std::time::Duration;

use bulla_base::Timestamp;
use thiserror::Error;

use crate::limits::MAX_RETENTION;

/// How long something is kept, never longer than [`MAX_RETENTION`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Retention(Duration);

impl Retention {
    /// 30 days.
    pub const LONGEST: Self = Self(MAX_RETENTION);

    /// A retention of `span`.
    ///
    /// # Errors
    /// When `span` is longer than 30 days, be it by a nanosecond.
    pub fn new(span: Duration) -> Result<Self, RetentionTooLong> {
        if span > MAX_RETENTION { Err(RetentionTooLong { span }) } else { Ok(Self(span)) }
    }

    /// How long.
    #[must_use]
    pub const fn span(self) -> Duration {
        self.0
    }

    /// When something made at `made` ceases to be readable.
    #[must_use]
    pub fn from(self, made: Timestamp) -> Expiry {
        Expiry(made.after(self.0))
    }
}

/// A retention that would break the promise of 30 days.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a retention of {} s is longer than the {} s (30 days) allowed", span.as_secs(), MAX_RETENTION.as_secs())]
pub struct RetentionTooLong {
    span: Duration,
}

/// The moment from which a record is no longer read. It comes from a [`Retention`] and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expiry(Timestamp);

impl Expiry {
    /// Reads an expiry that an engine stored; for engines only.
    #[must_use]
    pub const fn from_stored(at: Timestamp) -> Self {
        Self(at)
    }

    /// The moment itself.
    #[must_use]
    pub const fn at(self) -> Timestamp {
        self.0
    }

    /// Whether it has come: at the very millisecond, the record is gone.
    #[must_use]
    pub fn has_come(self, now: Timestamp) -> bool {
        now >= self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_days_can_be_kept_and_a_nanosecond_more_cannot() {
        assert_eq!(Retention::new(MAX_RETENTION).unwrap(), Retention::LONGEST);
        let error = Retention::new(MAX_RETENTION + Duration::from_nanos(1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a retention of 2592000 s is longer than the 2592000 s (30 days) allowed"
        );
    }

    #[test]
    fn expiry_is_exact_to_the_millisecond() {
        let expiry = Retention::new(Duration::from_millis(5)).unwrap().from(Timestamp::from_millis(10));
        assert!(!expiry.has_come(Timestamp::from_millis(14)));
        assert!(expiry.has_come(Timestamp::from_millis(15)));
    }
}
