#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Carrier`] is the service, [`NumberVerifier`] the port that decides whose a number is;
//! [`GrantVerifier`] believes an operator's [`NumberGrant`].
//! [`BlobStorage`] is where it keeps what is too large for an envelope, such as [`FolderBlobs`].
//! With the feature `grpc` the module of that name has the carrier as a service.

mod carrier;
mod deduplication;
mod directory;
mod ledger;
mod meter;
mod queue;

mod fencing_token;
mod grant_verifier;
mod number_attempts;
mod number_grant;
mod number_verifier;
mod one_time_key_usage;

mod acknowledged_envelopes;
mod idle_eviction;
mod pending_sends;
mod queue_tails;
mod settling;

mod blobs;

mod device_lists;
mod device_tokens;
mod erase_business;
mod erase_user;
mod key_log;
mod new_device;
mod remove_device;
mod restored_store;
mod running_erasures;

mod compared_sides;
mod metrics;
mod protection;
mod reports;
mod stamps;
mod statements;
mod stats;
mod trace_span;
mod upkeep;

mod limits;
mod store_layout;

#[cfg(feature = "grpc")]
pub mod grpc;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;

pub use carrier::Carrier;

pub use grant_verifier::GrantVerifier;
pub use number_grant::{GrantError, NumberGrant, OperatorKey, OperatorPublicKey};
pub use number_verifier::{NumberVerifier, TrustedHost, Verdict};

pub use blobs::{
    BlobFiles, BlobName, BlobQuota, BlobSettings, BlobStorage, FolderBlobs, FoundBlob, RetentionTooShort,
};

pub use key_log::KeyLogResumption;
pub use reports::VerifiedReport;
pub use statements::IssueError;
pub use stats::CarrierStats;

pub use limits::{
    ATTEMPTS_WINDOW, CACHED_BYTES, MAX_ATTEMPTS, MAX_COUNTED, MAX_COUNTED_KEYS, MAX_GRANTED_NUMBERS,
    MAX_ID_AGE, MAX_ID_LEAD, MAX_ONE_TIME_KEYS_A_DAY,
};

pub use bulla_integrity::{
    Acceptance, Enforcement, EnforcementEvent, Evidence, Ladder, NotProven, Observation, Quality, Reason,
    Refused, Report, ReportedMessage, Rung, Signal, Stamp, StampKeys, Standing,
};
pub use bulla_store::Erased;
pub use bulla_transparency::{
    Head, InvalidForm, LogKey, LogSigner, NodeId, NotSigned, Origin, SignedCheckpoint, TreeHash,
};
