#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Endpoint`] is the party, [`Peer`] its sessions with one device, [`HeldSessions`] those held in memory.

mod endpoint;
mod error;
mod held;
mod identity;
mod kind;
mod life;
mod mend;
mod peer;
mod prekeys;
mod safety_number;
mod shelf;
mod space;
mod standing;

pub use endpoint::Endpoint;
pub use error::{EndpointError, OpenError, SealError, Unreadable};
pub use held::{HeldSessions, Kept};
pub use identity::{Identity, IdentityPolicy, InvalidIdentity};
pub use life::{begin_life, begin_life_if_restored};
pub use mend::{businesses_in_session, forget_sessions, remove_unreadable};
pub use peer::{Begun, Peer, Received, SessionName};
pub use prekeys::{LOW_STOCK, STOCK, SpentKey};
pub use safety_number::SafetyNumber;
