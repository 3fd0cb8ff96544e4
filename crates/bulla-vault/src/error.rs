//! What can go wrong, and whose move it is.

use std::io;

use bulla_store::{Fault, StoreError};
use thiserror::Error;

/// Why a vault could not be opened, could not be kept up to date, or did not do what a store is asked: the
/// port hands on the last two as the source of a [`StoreError::Wrapper`].
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
        "the store is sealed, but there is no keyring in {keyring}; check that path, and put the keyring there: without it the store cannot be read"
    )]
    KeyringMissing {
        /// Where it was looked for.
        keyring: String,
    },
    /// The operator's move: the keyring was used with a store, and this one is empty. To go on would give
    /// every business and device a new identity.
    #[error(
        "the keyring in {keyring} has a store of generation {generation}, and this store is empty; check the store's path and put its files back, or begin anew, if all that was in it is to be given up"
    )]
    StoreEmptied {
        /// The keyring.
        keyring: String,
        /// How often it says that the store was begun.
        generation: u64,
    },
    /// The operator's move: the vault was to begin anew, and the store is not empty.
    #[error(
        "a vault begins anew on an empty store only, and this one is in use; open it as it is, or move its files away"
    )]
    NotEmpty,
    /// The operator's move: the store was sealed with another keyring.
    #[error(
        "the store was sealed with another keyring than that in {keyring}; check that the keyring and the database belong together"
    )]
    OtherKeyring {
        /// The keyring that does not fit.
        keyring: String,
    },
    /// The operator's move: the keyring is older than the store, so it was put back from a copy. It could
    /// bring back what was forgotten, and cannot read what was sealed since.
    #[error(
        "the keyring in {place} is of generation {keyring}, the store of {store}: an old copy of the keyring was put back; use the newest"
    )]
    KeyringRolledBack {
        /// The keyring.
        place: String,
        /// How often it says the store was begun.
        keyring: u64,
        /// How often the store says so.
        store: u64,
    },
    /// The operator's move: another vault has opened the store since this one did.
    #[error("another vault has opened the store; let only one run")]
    InUse,
    /// The operator's move, or somebody wrote to the database: a record does not open with the keys there
    /// are.
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
            | VaultError::KeyringMissing { .. }
            | VaultError::StoreEmptied { .. }
            | VaultError::NotEmpty
            | VaultError::OtherKeyring { .. }
            | VaultError::KeyringRolledBack { .. } => Fault::Final,
        };
        Self::wrapper(fault, error)
    }
}

/// Why a keyring could not be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The operator's move: another process has the keyring open.
    #[error("the keyring in {place} is open in another process; let only one run")]
    InUse {
        /// Where the keyring is.
        place: String,
    },
    /// The operator's move: the keyring could not be read.
    #[error("the keyring in {place} could not be read; check its path and permissions")]
    Unreadable {
        /// Where the keyring is.
        place: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The operator's move: the keyring could not be written. Hours that are over may still be in it.
    #[error("the keyring in {place} could not be written; free space or replace the disk")]
    Unwritable {
        /// Where the keyring is.
        place: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The disk's or the operator's: neither of the two slots is whole.
    #[error(
        "the keyring in {place} is damaged or cut short; check that the file is a keyring, and put back the newest copy if there is one"
    )]
    Damaged {
        /// Where the keyring is.
        place: String,
    },
    /// The operator's move: the keyring has a form that this version does not read.
    #[error(
        "the keyring in {place} is of the form {found}, which this version does not read; use the version that made it"
    )]
    OtherForm {
        /// Where the keyring is.
        place: String,
        /// The version of its form.
        found: char,
    },
    /// The operator's move: the keyring does not open with the operator's key.
    #[error("the keyring in {place} could not be opened with the operator's key")]
    KeyEncryption {
        /// Where the keyring is.
        place: String,
        /// What is wrong with the key.
        #[source]
        source: KeyEncryptionError,
    },
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
        "{key} does not fit; check which key file, passphrase or key of the key service belongs to this keyring"
    )]
    Refused {
        /// What the key is called: where it came from, never what it is.
        key: String,
    },
    /// The operator's move: the key file is gone, and keyrings that need it are there. A new key would open
    /// none of them.
    #[error("there is no key in {place}, and the keyring in {keyring} needs it; put the key file back")]
    Missing {
        /// Where the key was looked for.
        place: String,
        /// A keyring that was made already.
        keyring: String,
    },
    /// The operator's move: others may read the key.
    #[error("the key file {place} has mode {mode:o}, so others may use it; make it 600")]
    Exposed {
        /// Where the key is.
        place: String,
        /// The file's mode.
        mode: u32,
    },
    /// The operator's move: this is no key.
    #[error("{place} holds no key; {expected} are expected")]
    Malformed {
        /// Where the key was looked for.
        place: String,
        /// What a key looks like there.
        expected: &'static str,
    },
    /// The operator's move: the cost of trying a passphrase is out of bounds, or there is not the memory for
    /// it.
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
    #[error("the key file {place} could not be read or written")]
    File {
        /// Where the key is.
        place: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
