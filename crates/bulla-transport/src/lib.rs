#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Transport`] is the port, [`Caller`] who calls, [`SendOutcome`] what became of what was handed over,
//! [`Delivery`] what is handed on; [`InProcess`] is the transport that comes along, [`BoxTransport`] any of
//! them, picked at run time. [`Blobs`] is the port for what is too large for an envelope, and [`BlobId`] what
//! one is known by. With the feature `grpc` the module of that name has the wire form and the
//! transport to a carrier on another machine.

mod transport;

mod business_standing;
mod caller_identity;
mod identity_problem;
mod incarnation;
mod number_proof;
mod restriction;

mod delivery;
mod log_consistency;
mod log_leaves;
mod send_outcome;

mod boxed;
mod in_process;

mod blobs;

mod blob_error;
mod blob_id;
mod blob_progress;
mod blob_size;

mod boxed_blobs;

#[cfg(feature = "grpc")]
pub mod grpc;

mod error;
mod limits;

pub use transport::Transport;

pub use business_standing::BusinessStanding;
pub use caller_identity::Caller;
pub use identity_problem::IdentityProblem;
pub use incarnation::Incarnation;
pub use number_proof::NumberProof;
pub use restriction::Restriction;

pub use delivery::{Connected, Delivery, Sequence, in_order};
pub use log_consistency::LogConsistency;
pub use log_leaves::LogLeaves;
pub use send_outcome::SendOutcome;

pub use bulla_envelope::IdentitySigner;

pub use boxed::BoxTransport;
pub use in_process::InProcess;

pub use blobs::Blobs;

pub use blob_id::BlobId;
pub use blob_progress::{BlobPart, BlobProgress};
pub use blob_size::BlobSize;

pub use boxed_blobs::BoxBlobs;

pub use blob_error::BlobError;
pub use error::TransportError;
pub use limits::{
    MAX_BLOB_BYTES, MAX_BLOB_PART_BYTES, MAX_CONSISTENCY_BYTES, MAX_DELIVERIES, MAX_LOG_LEAF_BYTES,
    MAX_LOG_LEAVES_AT_ONCE, MAX_PROOF_BYTES,
};
