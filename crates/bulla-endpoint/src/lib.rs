#![doc = include_str!("../README.md")]

mod endpoint;
mod error;
mod life;
mod peer;
mod prekeys;
mod shelf;
mod space;

pub use endpoint::Endpoint;
pub use error::{EndpointError, OpenError, SealError, Unreadable};
pub use life::begin_life;
pub use peer::{Peer, Received};
pub use prekeys::{LOW_STOCK, STOCK, SpentKey};
