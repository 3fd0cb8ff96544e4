use bulla_base::Timestamp;
use bytes::Bytes;

use crate::Expiry;

/// The number of the commit that wrote a record: larger than that of every earlier commit of the same shard.
///
/// A version is never used again, also not after the record was deleted, so a compare-and-swap cannot be
/// fooled by a key that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// The version with this number; for engines.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The version's number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// What a store returns for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// The commit that wrote it.
    pub version: Version,
    /// When it ceases to be readable, if ever.
    pub expiry: Option<Expiry>,
    /// What was put, byte for byte.
    pub value: Bytes,
}

impl Record {
    /// A record as an engine returns it.
    #[must_use]
    pub const fn new(version: Version, expiry: Option<Expiry>, value: Bytes) -> Self {
        Self { version, expiry, value }
    }

    /// Whether its expiry has come, so that it is no longer read; for engines.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expiry.is_some_and(|expiry| expiry.has_come(now))
    }
}
