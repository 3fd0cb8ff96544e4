#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Endpoint`] is the party, [`Peer`] its sessions with one device, [`SessionCache`] those held in memory.

mod endpoint;
mod error;
mod generation;
mod identity;
mod kind;
mod peer;
mod prekeys;
mod repair;
mod safety_number;
mod session_cache;
mod session_store;
mod space;
mod trust;

pub use endpoint::Endpoint;
pub use error::{EndpointError, OpenError, SealError, Unreadable};
pub use generation::{begin_generation, begin_generation_if_restored};
pub use identity::{Identity, IdentityPolicy, InvalidIdentity};
pub use peer::{Begun, Peer, Received, SessionName};
pub use prekeys::{ONE_TIME_KEYS, REFILL_BELOW, SpentKey};
pub use repair::{businesses_in_session, forget_sessions, remove_unreadable};
pub use safety_number::SafetyNumber;
pub use session_cache::{SessionCache, Uncommitted};
