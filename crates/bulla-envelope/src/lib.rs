#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Envelope`], then [`KeyUpload`] and [`KeyBundle`].

mod envelope;
mod error;
mod franking;
mod installation;
mod keys;
mod kind;
mod limits;

pub use envelope::Envelope;
pub use error::InvalidEnvelope;
pub use franking::FrankingTag;
pub use installation::Installation;
pub use keys::{KeyBundle, KeyUpload, OneTimeKey, SignedKey};
pub use kind::{Form, Kind};
pub use limits::{MAX_KEY_BYTES, MAX_ONE_TIME_KEYS, MAX_RESENDS, MAX_SEALED_BYTES};
