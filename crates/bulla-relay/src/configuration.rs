use bulla_store::{StoreError, Version};
use bytes::Bytes;
use thiserror::Error;

use crate::SubmitError;
use crate::limits::{MAX_CONFIGURATION_NAME_BYTES, MAX_CONFIGURED, MAX_CONFIGURED_BYTES};

/// Whose a record of the configuration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigurationOwner {
    /// The number's alone.
    Number,
    /// The account's that it belongs to, and so all its numbers'.
    Account,
    /// The operator's, and so no business's: what is said of the whole relay.
    Operator,
}

/// Names a record of the configuration: whose it is, of which kind, and its name among those of that kind.
/// What the kinds mean is known to whoever writes them, such as an API; the relay looks into none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationKey {
    pub(crate) owner: ConfigurationOwner,
    pub(crate) kind: u8,
    pub(crate) name: Bytes,
}

impl ConfigurationKey {
    /// The record of `owner` that is called `name` among those of its `kind`.
    #[must_use]
    pub fn new(owner: ConfigurationOwner, kind: u8, name: impl Into<Bytes>) -> Self {
        Self { owner, kind, name: name.into() }
    }

    /// Whose it is.
    #[must_use]
    pub const fn owner(&self) -> ConfigurationOwner {
        self.owner
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        self.kind
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Bytes {
        &self.name
    }
}

/// A record of the configuration, and since which commit it is so.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Configured {
    /// What was put.
    pub value: Bytes,
    /// By which commit.
    pub version: Version,
}

impl Configured {
    /// What was put by this commit.
    #[must_use]
    pub const fn new(value: Bytes, version: Version) -> Self {
        Self { value, version }
    }
}

/// How long it is: what a business configures is not for the log.
impl std::fmt::Debug for Configured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Configured({} bytes)", self.value.len())
    }
}

/// Why something was not configured, or a user not blocked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// The caller's move: it was changed since it was read. Read it again.
    #[error("the record has changed since it was read")]
    Changed,
    /// The caller's move: the record, or its name, is too long.
    #[error(
        "a record has at most {MAX_CONFIGURED_BYTES} bytes, and {MAX_CONFIGURATION_NAME_BYTES} in its name"
    )]
    TooLong,
    /// The caller's move: there are as many as there may be of the kind. Delete some.
    #[error("there are {limit} of these already, which is as many as there may be")]
    TooMany {
        /// How many there may be.
        limit: u64,
    },
    /// As when a message is accepted.
    #[error("the relay does not keep what is configured just now")]
    Submit(#[from] SubmitError),
}

impl ConfigurationError {
    /// There are as many records of a kind as there may be.
    pub(crate) const FULL: Self = Self::TooMany { limit: MAX_CONFIGURED };
}

impl From<StoreError> for ConfigurationError {
    fn from(source: StoreError) -> Self {
        Self::Submit(SubmitError::Store(source))
    }
}
