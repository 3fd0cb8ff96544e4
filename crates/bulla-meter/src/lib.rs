#![doc = include_str!("../README.md")]

mod bill;
mod tally;

pub use bill::Bill;
pub use tally::{Flow, Tally};
