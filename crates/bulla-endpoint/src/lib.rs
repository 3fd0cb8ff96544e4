#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Endpoint`] is the party, [`Peer`] its sessions with one device, [`SessionCache`] those held in memory.
//! [`KeyLog`] is what was seen of the carrier's log of keys, [`SeenDevices`] of the list of a user's devices.
//! [`AttachmentUpload`] and [`AttachmentDownload`] carry what is too large for an envelope.

mod carrier_generation;
mod endpoint;
mod identity;
mod identity_policy;
mod identity_signer;
mod prekeys;

mod key_log;

mod device_lists;

mod content_kind;
mod peer;
mod safety_number;
mod trusted_identity_record;

mod attachment;

mod restored_store;
mod retry_schedule;
mod session_cache;
mod session_repair;
mod session_store;
mod unconfirmed_message;

mod error;
mod limits;
mod store_layout;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;

pub use endpoint::Endpoint;
pub use identity::{Identity, InvalidIdentity};
pub use identity_policy::IdentityPolicy;
pub use prekeys::SpentKey;

/// The log's public key, which a host hands in.
pub use bulla_transparency::{InvalidForm, LogKey, NotProven, Origin};
pub use key_log::{
    Foreign, ForeignKind, KeyLog, LeafReading, LeavesRead, LogSource, LoggedKeys, NotLogged, OnSplitLog,
    Settled, Watched,
};

pub use bulla_envelope::DeviceList;
pub use device_lists::{NotListed, SeenDevices};

pub use peer::{Begun, Peer, Plaintext, Received, SessionName};
pub use safety_number::SafetyNumber;

pub use attachment::{AttachmentDownload, AttachmentUpload, TransferError};

pub use restored_store::{begin_generation, begin_generation_if_restored};
pub use retry_schedule::RetrySchedule;
pub use session_cache::{SessionCache, Uncommitted};
pub use session_repair::{businesses_in_session, forget_sessions, remove_unreadable};
pub use unconfirmed_message::{Resend, Unconfirmed};

pub use limits::{
    ATTACHMENT_PART_BYTES, FIRST_WAIT, LONGEST_ASKED_FOR, MAX_RETRY_REQUESTS, ONE_TIME_KEYS, REFILL_BELOW,
    RENEWED_AFTER, REPLACED_KEYS_KEPT,
};

pub use error::{EndpointError, OpenError, SealError, Unreadable};
