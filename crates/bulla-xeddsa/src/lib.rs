#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`sign`] and [`verify`]; [`public_key`] for who has only the private one.

mod xeddsa;

pub use xeddsa::{PRIVATE_KEY_BYTES, PUBLIC_KEY_BYTES, SIGNATURE_BYTES, public_key, sign, verify};
