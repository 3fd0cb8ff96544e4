#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Tally`] is the name of one counter, [`Bill`] adds them up.

mod bill;
mod tally;

pub use bill::Bill;
pub use tally::{Flow, Tally};
