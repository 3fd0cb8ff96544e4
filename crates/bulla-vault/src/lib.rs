#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Vault`]; [`KeyringFile`] and [`KeyEncryption`] are its ports, [`FileKeyring`] and [`OperatorKey`] what
//! most hosts take.

mod vault;

mod key_encryption;
mod keyring;

mod hour_key_chain;
mod key_epochs;
mod salt;

mod committing_aead;
mod sealed_row_format;
mod store_layout;

mod atomic_file;
mod byte_reader;
mod secret;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod stack_inspection;

mod error;
mod limits;
mod metrics;

pub use vault::Vault;

pub use key_encryption::{KeyEncryption, KeyringKey, OperatorKey, Passphrase, PassphraseCost};
pub use keyring::{FileKeyring, KeyringFile, MemoryKeyring};

pub use key_epochs::ClockState;

pub use error::{KeyEncryptionError, KeyringError, VaultError};
pub use limits::{
    KEYRING_BYTES, MAX_CACHED_SALTS, MAX_HOURS_AHEAD, MAX_KEY_EPOCHS, MAX_PASSPHRASE_KIB,
    MAX_PASSPHRASE_LANES, MAX_PASSPHRASE_PASSES, MAX_SALT_CHECKS, MAX_STEP, MAX_TICK_CREDIT, MAX_UNSAVED,
    MAX_WRAPPED_BYTES, SALT_CHECK_DAYS, TICK, TRUST_DELAY,
};
