#![doc = include_str!("../README.md")]

mod endpoint;
mod error;
mod limits;
mod peer;
mod prekeys;
mod space;

pub use endpoint::Endpoint;
pub use error::{EndpointError, OpenError, SealError, Unreadable};
pub use limits::MAX_SESSIONS_BYTES;
pub use peer::{Peer, Received};
pub use prekeys::{LOW_STOCK, STOCK, SpentKey};
