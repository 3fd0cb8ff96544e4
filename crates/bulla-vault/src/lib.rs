#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Vault`]; [`KeyringFile`] and [`KeyEncryption`] are its ports, [`FileKeyring`] and [`OperatorKey`] what
//! most hosts take.

mod bytes;
mod chain;
mod eras;
mod error;
mod key_encryption;
mod keyring;
mod limits;
mod metrics;
mod new_file;
mod row;
mod salt;
mod seal;
mod secret;
mod space;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod stack;
mod vault;

pub use eras::Reckoning;
pub use error::{KeyEncryptionError, KeyringError, VaultError};
pub use key_encryption::{KeyEncryption, KeyringKey, OperatorKey, Passphrase, PassphraseCost};
pub use keyring::{FileKeyring, KeyringFile, MemoryKeyring};
pub use limits::{
    BELIEF, KEYRING_BYTES, LOOK_DAYS, MAX_CACHED_SALTS, MAX_ERAS, MAX_HOURS_AHEAD, MAX_LOOKS,
    MAX_PASSPHRASE_KIB, MAX_PASSPHRASE_LANES, MAX_PASSPHRASE_PASSES, MAX_STEP, MAX_TICK_CREDIT, MAX_UNSAVED,
    MAX_WRAPPED_BYTES, TICK,
};
pub use vault::Vault;
