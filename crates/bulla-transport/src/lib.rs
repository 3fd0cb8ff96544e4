#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Transport`] is the port, [`Caller`] who calls, [`Delivery`] what is handed on, [`Sent`]
//! what became of what was handed over, [`InProcess`] the one
//! that comes along.

mod caller;
mod delivery;
mod error;
mod in_process;
mod proof;
mod sent;
mod transport;

pub use caller::{Caller, Incarnation};
pub use delivery::{Connected, Delivery, MAX_DELIVERIES, Sequence, in_order};
pub use error::TransportError;
pub use in_process::InProcess;
pub use proof::{MAX_PROOF_BYTES, Proof};
pub use sent::Sent;
pub use transport::Transport;
