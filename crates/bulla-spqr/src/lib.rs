#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Ratchet`] is the machine, [`Message`] what it sends, [`limits`] its bounds, [`serialization`] its form
//! at rest.

mod message;
mod ratchet;
mod role;
mod secret;

mod authenticator;
mod erasure_code;
mod galois_field;
mod kem;
mod ml_kem_braid;

mod chain;
#[doc(hidden)]
pub mod kdf;
#[doc(hidden)]
pub mod skipped_keys;

pub mod error;
pub mod limits;
pub mod serialization;
#[doc(hidden)]
pub mod wiped_bytes;

#[cfg(test)]
mod known_answers;

pub use message::Message;
pub use ratchet::{Ratchet, Received, Sent};
pub use role::Role;
pub use secret::Secret;

pub use kem::KeyPair;

pub use wiped_bytes::Wiped;
