#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`KeyStatement`] is a leaf, [`CompactRange`] appends it, [`Head`] is what comes of it. [`InclusionProof`]
//! and [`ConsistencyProof`] are made from nodes that the keeper stores by [`NodeId`]. [`LogSigner`] signs a
//! head as a [`SignedCheckpoint`], which [`LogKey`] verifies. [`Witness`] holds on to what one party has
//! seen, [`Evidence`] shows others that the log was split, and [`check_key_history`] and [`Monitor`] are what
//! a business looks after itself with.

mod identity_key;
mod key_statement;

mod compact_range;
mod head;
mod tree_hash;

mod consistency_proof;
mod inclusion_proof;
mod node;

mod checkpoint;
mod log_key;
mod log_signer;
mod origin;
mod signed_head;

mod evidence;
mod witness;

mod key_history;
mod monitor;

mod byte_reader;
mod error;
mod hex;
mod limits;

pub use identity_key::IdentityKey;
pub use key_statement::KeyStatement;

pub use compact_range::CompactRange;
pub use head::Head;
pub use tree_hash::TreeHash;

pub use consistency_proof::ConsistencyProof;
pub use inclusion_proof::InclusionProof;
pub use node::NodeId;

pub use checkpoint::SignedCheckpoint;
pub use log_key::LogKey;
pub use log_signer::LogSigner;
pub use origin::Origin;

pub use evidence::{Evidence, Verdict};
pub use witness::{Comparison, Observation, Witness};

pub use key_history::{InvalidHistory, check_key_history};
pub use monitor::{Monitor, Sighting};

pub use error::{InvalidForm, NotProven, NotSigned};
pub use limits::{
    MAX_CHECKPOINT_BYTES, MAX_EVIDENCE_BYTES, MAX_LOG_LEAVES, MAX_ORIGIN_BYTES, MAX_PROOF_HASHES,
    MAX_SIGNATURES, SIGNED_HEAD_BYTES,
};
