#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Envelope`], then [`KeyUpload`] and [`KeyBundle`]; [`IdentitySigner`] signs for an installation, and
//! [`DeviceList`] says which devices a user has.

mod envelope;
mod franking;
mod identity_signer;
mod installation_id;
mod kind;

mod device_list;
mod keys;
mod log_entry;

mod error;
mod limits;

pub use envelope::Envelope;
pub use franking::{FrankingStamp, FrankingTag};
pub use identity_signer::IdentitySigner;
pub use installation_id::InstallationId;
pub use kind::{Form, Kind};

pub use device_list::{DeviceList, InvalidDeviceList, SignedDeviceList};
pub use keys::{KeyBundle, KeyUpload, OneTimeKey, SignedKey};
pub use log_entry::LogEntry;

pub use error::InvalidEnvelope;
pub use limits::{
    MAX_DEVICE_LIST_BYTES, MAX_KEY_BYTES, MAX_LOG_PROOF_BYTES, MAX_ONE_TIME_KEYS, MAX_RESENDS,
    MAX_SEALED_BYTES, MAX_SIGNED_HEAD_BYTES, MAX_STATEMENT_BYTES,
};
