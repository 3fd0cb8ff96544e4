#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Ratchet`] is the machine, [`Message`] what it sends, [`limits`] its bounds, [`stored`] its form at rest.

mod authenticator;
mod braid;
mod chain;
mod erasure;
pub mod error;
mod field;
#[doc(hidden)]
pub mod kdf;
mod kem;
#[cfg(test)]
mod known_answers;
pub mod limits;
mod message;
mod ratchet;
mod role;
mod secret;
#[doc(hidden)]
pub mod skipped;
pub mod stored;
#[doc(hidden)]
pub mod wiped;

pub use kem::KeyPair;
pub use message::Message;
pub use ratchet::{Ratchet, Received, Sent};
pub use role::Role;
pub use secret::Secret;
pub use wiped::Wiped;
