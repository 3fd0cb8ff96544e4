#![doc = include_str!("../README.md")]

mod businesses;
mod carrier;
mod directory;
mod erase;
mod erasures;
mod fence;
mod limits;
mod meter;
mod queue;
mod space;

pub use bulla_store::Erased;
pub use carrier::Carrier;
pub use limits::{MAX_ID_AGE, MAX_ID_LEAD};
