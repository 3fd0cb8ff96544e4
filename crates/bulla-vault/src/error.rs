//! What can go wrong, and whose move it is.

use std::io;

use bulla_store::{Fault, StoreError};
use thiserror::Error;

/// Why a vault could not be opened, could not be kept up to date, or did not do what a store is asked: the port hands on the last two as the
/// source of a [`StoreError::Layer`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The operator's move: the keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The store beneath failed.
    #[error("the store beneath the vault failed")]
    Store(#[from] StoreError),
    /// The operator's move: the store has sealed records, but there is no keyring.
    #[error(
        "the store is sealed, but there is no keyring; check the keyring's path, or begin with an empty store"
    )]
    KeyringMissing,
    /// The operator's move: the store was sealed with another keyring.
    #[error(
        "the store was sealed with another keyring; check that the keyring and the database belong together"
    )]
    OtherKeyring,
    /// The operator's move: the keyring is older than the store, so it was put back from a copy. It could bring back what was forgotten, and
    /// cannot read what was sealed since.
    #[error(
        "the keyring is of generation {keyring}, the store of {store}: an old copy of the keyring was put back; use the newest"
    )]
    KeyringRolledBack {
        /// How often the keyring says the store was opened.
        keyring: u64,
        /// How often the store says so.
        store: u64,
    },
    /// The operator's move: another vault has opened the store since this one did.
    #[error("another vault has opened the store; let only one run")]
    InUse,
    /// The operator's move, or somebody wrote to the database: a record does not open with the keys there are.
    #[error(
        "a stored {what} does not open with this keyring; check that keyring and database belong together and that nobody changed either"
    )]
    DoesNotOpen {
        /// What kind of record.
        what: &'static str,
    },
    /// The caller's move: the space belongs to the vault, which keeps its keys there.
    #[error("space {space} is reserved for keys")]
    Reserved {
        /// The number of the space.
        space: u8,
    },
}

/// A vault's trouble as those see it who know of no vault.
impl From<VaultError> for StoreError {
    fn from(error: VaultError) -> Self {
        let fault = match error {
            VaultError::Store(beneath) => return beneath,
            VaultError::DoesNotOpen { .. } => Fault::Record,
            VaultError::Reserved { .. } => Fault::Request,
            VaultError::Keyring(_) => Fault::Unavailable,
            VaultError::InUse
            | VaultError::KeyringMissing
            | VaultError::OtherKeyring
            | VaultError::KeyringRolledBack { .. } => Fault::Final,
        };
        Self::layer(fault, error)
    }
}

/// Why a keyring could not be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The operator's move: the keyring could not be read.
    #[error("the keyring could not be read; check its path and permissions")]
    Unreadable(#[source] io::Error),
    /// The operator's move: the keyring could not be written. Hours that are over may still be in it.
    #[error("the keyring could not be written; free space or replace the disk")]
    Unwritable(#[source] io::Error),
    /// The disk's or the operator's: neither of the two slots is whole.
    #[error(
        "the keyring is damaged; check that the file is a keyring, and put back the newest copy if there is one"
    )]
    Damaged,
    /// The operator's move: the keyring does not open with the operator's key.
    #[error("the keyring could not be opened with the operator's key")]
    KeyEncryption(#[from] KeyEncryptionError),
    /// The implementor's move: a wrapped key is longer than a keyring has room for.
    #[error("a wrapped key of {actual} bytes is longer than the {limit} allowed")]
    WrappedTooLong {
        /// How long it is, in bytes.
        actual: usize,
        /// How long it may be, in bytes.
        limit: usize,
    },
}

/// Why the operator's key could not be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyEncryptionError {
    /// The operator's move: it is not the key this was wrapped with, or what was wrapped has been changed.
    #[error(
        "the key does not fit; check which key file, passphrase or key of the key service belongs to this keyring"
    )]
    Refused,
    /// The operator's move: others may read the key.
    #[error("the key file has mode {mode:o}, so others may use it; make it 600")]
    Exposed {
        /// The file's mode.
        mode: u32,
    },
    /// The operator's move: this is no key.
    #[error("the {what} holds no key; {expected} are expected")]
    Malformed {
        /// Where the key was looked for.
        what: &'static str,
        /// What a key looks like there.
        expected: &'static str,
    },
    /// The operator's move: the cost of trying a passphrase is out of bounds, or there is not the memory for it.
    #[error("a passphrase at {kib} KiB, {passes} passes and {lanes} lanes is out of bounds or out of memory")]
    Cost {
        /// The memory, in KiB.
        kib: u32,
        /// The passes over it.
        passes: u32,
        /// The lanes.
        lanes: u32,
    },
    /// The operator's move: the key is not to be had at present.
    #[error("the operator's key is not to be had at present")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The operator's move: the key file could not be read or written.
    #[error("the key file could not be read or written")]
    File(#[from] io::Error),
}
