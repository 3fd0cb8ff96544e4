#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Relay`], [`Business`], [`Outgoing`], [`Event`], [`EventSink`]; then [`Settings`], [`Reports`] and what
//! is [`Suspended`].

mod business;
mod error;
mod event;
mod event_sink;
mod id_text;
mod limits;
mod message_ref;
mod metrics;
mod outgoing;
mod relay;
mod report;
mod row;
mod settings;
mod space;
mod stats;
mod suspended;
mod user_ids;

pub use bulla_endpoint::{EndpointError, Identity, IdentityPolicy, InvalidIdentity, SafetyNumber, SealError};
pub use bulla_store::Erased;
pub use business::Business;
pub use error::{BusinessError, EraseError, MarkReadError, RelayError, SubmitError};
pub use event::{Event, Failure, Incoming, Status, StatusUpdate, Subject, UserId};
pub use event_sink::{Destination, EventSink, SinkError, SinkErrorKind};
pub use id_text::InvalidId;
pub use limits::{
    CACHED_BYTES, MAX_IDEMPOTENCY_BYTES, MAX_REPORTS, MAX_RETRY_REQUESTS, MAX_TRACKING_CHARS, MIN_BACKOFF,
};
pub use message_ref::MessageRef;
pub use outgoing::{Outgoing, OutgoingBody, Recipient};
pub use relay::{Relay, SetAside};
pub use report::{Report, Reports};
pub use settings::{InvalidSettings, Settings};
pub use stats::Stats;
pub use suspended::{Suspended, SuspendedPart};

/// The ports a [`Relay`] is opened on, for those who name its type.
pub use bulla_store::Store;
pub use bulla_transport::{Proof, Transport};
