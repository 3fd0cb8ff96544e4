use bulla_base::Timestamp;

use crate::InvalidForm;
use crate::error::invalid;

/// An hour by an account's clock, named by the instant at which it begins: minutes since the Unix epoch.
///
/// The instant and not the hand of the clock, so that the hour which is repeated in autumn is two.
/// [`Zone::hour`](crate::Zone::hour) makes it, and tells its date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hour(u32);

impl Hour {
    /// The quarter of an hour, by UTC, that `at` falls in. The hours of all zones are made of them: by these
    /// counts whoever learns by which clock only when it is [asked](crate::UsageKey::in_zone).
    #[must_use]
    pub fn quarter(at: Timestamp) -> Self {
        let minute = u32::try_from(at.as_secs() / 60).unwrap_or(u32::MAX);
        Self(minute - minute % 15)
    }

    /// The one that begins so many minutes after the Unix epoch.
    #[must_use]
    pub const fn from_minutes(minutes: u32) -> Self {
        Self(minutes)
    }

    /// Minutes from the Unix epoch to its beginning.
    #[must_use]
    pub const fn minutes(self) -> u32 {
        self.0
    }

    /// When it begins.
    #[must_use]
    pub const fn begin(self) -> Timestamp {
        Timestamp::from_millis(self.0 as u64 * 60_000)
    }
}

/// What a statement is about: from one hour on, up to the beginning of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    from: Hour,
    to: Hour,
}

impl Period {
    /// From `from` on and before `to`.
    ///
    /// # Errors
    /// When it would be empty.
    pub fn new(from: Hour, to: Hour) -> Result<Self, InvalidForm> {
        if from < to { Ok(Self { from, to }) } else { Err(invalid("period", "an end after its beginning")) }
    }

    pub(crate) fn between(from: Hour, to: Hour) -> Self {
        Self { from, to: to.max(from) }
    }

    /// Its first hour.
    #[must_use]
    pub const fn from(self) -> Hour {
        self.from
    }

    /// The hour behind its last one.
    #[must_use]
    pub const fn to(self) -> Hour {
        self.to
    }

    /// How long it is.
    #[must_use]
    pub const fn minutes(self) -> u32 {
        self.to.0 - self.from.0
    }

    /// Whether `hour` begins in it.
    #[must_use]
    pub fn contains(self, hour: Hour) -> bool {
        self.from <= hour && hour < self.to
    }
}
