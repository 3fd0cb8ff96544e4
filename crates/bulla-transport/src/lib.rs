#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Transport`] is the port, [`Caller`] who calls, [`SendOutcome`] what became of what was handed over,
//! [`Delivery`] what is handed on; [`InProcess`] is the transport that comes along, [`BoxTransport`] any of
//! them, picked at run time. With the feature `grpc` the module of that name has the wire form and the
//! transport to a carrier on another machine.

mod transport;

mod caller_identity;
mod identity_problem;
mod incarnation;
mod number_proof;

mod delivery;
mod send_outcome;

mod boxed;
mod in_process;

#[cfg(feature = "grpc")]
pub mod grpc;

mod error;
mod limits;

pub use transport::Transport;

pub use caller_identity::Caller;
pub use identity_problem::IdentityProblem;
pub use incarnation::Incarnation;
pub use number_proof::NumberProof;

pub use delivery::{Connected, Delivery, Sequence, in_order};
pub use send_outcome::SendOutcome;

pub use bulla_envelope::IdentitySigner;

pub use boxed::BoxTransport;
pub use in_process::InProcess;

pub use error::TransportError;
pub use limits::{MAX_DELIVERIES, MAX_PROOF_BYTES};
