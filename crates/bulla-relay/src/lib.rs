#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Relay`], [`Business`], [`Outgoing`], [`Event`], [`EventSink`]; then [`Settings`], [`Rules`],
//! [`Reports`] and what is [`Suspended`]. [`OutgoingMedia`] is a message with a picture or a file,
//! [`OutgoingTemplate`] one with a template, which a [`TemplateDefinition`] says.

mod billing_error;
mod builder;
mod business;
mod media;
mod message_ref;
mod outgoing;
mod relay;
mod report_error;
mod rules;
mod template;

mod configuration;
mod page_start;

mod account_event;
mod event;
mod event_sink;

mod error;
mod host_reports;
mod limits;
mod settings;
mod stats;
mod suspension;

mod id_hex_encoding;
mod metrics;
mod row;
mod store_layout;
mod user_ids;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;

pub use billing_error::BillingError;
pub use builder::RelayBuilder;
pub use business::Business;
pub use media::{MediaDescription, MediaError, MediaId, MediaKind, MediaStream, OutgoingMedia, Upload};
pub use message_ref::MessageRef;
pub use outgoing::{Outgoing, OutgoingBody, Recipient};
pub use relay::{Counted, DeadLetter, DeadLetterId, Relay, SetAside, UsagePage};
pub use report_error::ReportError;

pub use template::{
    ApproveAtOnce, ButtonDefinition, ButtonParameter, CardDefinition, HeaderDefinition, HeaderFormat,
    HeaderParameter, MessageTemplate, OneTimeCode, OutgoingTemplate, ParameterFormat, Review,
    TemplateDefinition, TemplateError, TemplateId, TemplatePage, TemplateParameters, TemplatePart,
    TemplateQuery, TemplateRefusal, TemplateReview, TemplateStatus, TemplateText, TextParameter,
};

pub use configuration::{ConfigurationError, ConfigurationKey, ConfigurationOwner, Configured};
pub use page_start::PageStart;

pub use account_event::{
    AccountEvent, RestrictionUpdate, StandingChange, StandingUpdate, TemplateUpdate, VolumeTierUpdate,
};
pub use bulla_base::{Quality, Tier};
pub use bulla_integrity::Reason;
pub use bulla_meter::{LocalDate, PricingCategory, PricingType, ReachedTier, TierRange, WindowState};
pub use bulla_transport::{BusinessStanding, Restriction};
pub use event::{Event, Failure, Incoming, Status, StatusUpdate, Subject, UserId};
pub use event_sink::{Destination, DynEventSink, EventSink, Forwarding, SinkError, SinkErrorKind};

pub use error::{BusinessError, EraseError, MarkReadError, RelayError, SubmitError};
pub use host_reports::{Report, Reports};
pub use id_hex_encoding::InvalidId;
pub use limits::{
    CACHED_BYTES, MAX_BLOCKED, MAX_BLOCKED_LISTED, MAX_CALLS, MAX_CALLS_PER_CONVERSATION, MAX_CODE_MINUTES,
    MAX_CONFIGURATION_LISTED, MAX_CONFIGURATION_NAME_BYTES, MAX_CONFIGURED, MAX_CONFIGURED_BYTES,
    MAX_DEFERRED, MAX_IDEMPOTENCY_BYTES, MAX_MEDIA_CHUNKS, MAX_REPORTS, MAX_TEMPLATE_EXAMPLE_BYTES,
    MAX_TEMPLATE_LANGUAGE_CHARS, MAX_TEMPLATE_NAME_CHARS, MAX_TEMPLATE_PARAMETER_NAME_CHARS,
    MAX_TEMPLATE_PARAMETERS, MAX_TEMPLATE_REASON_CHARS, MAX_TEMPLATES, MAX_TEMPLATES_LISTED,
    MAX_TRACKING_CHARS, MAX_UPLOADS, MAX_WAITING, MEDIA_CHUNK_BYTES, MIN_BACKOFF, RECEIVED_MEDIA_SPAN,
    RETRY_AFTER, UPLOAD_SPAN,
};
pub use rules::{
    Fallback, InvalidRule, LIMIT_PERIOD, MessagingLimit, OnBreach, PairRate, Rule, Rules, SERVICE_WINDOW,
    ServiceWindow, Throughput,
};
pub use settings::{InvalidSettings, Settings};
pub use stats::Stats;
pub use suspension::{Suspended, SuspendedPart};

/// What shows in the signatures.
pub use bulla_endpoint::{
    EndpointError, Foreign, ForeignKind, Identity, IdentityPolicy, InvalidForm, InvalidIdentity, LogKey,
    MAX_RETRY_REQUESTS, NotListed, NotLogged, NotProven, Origin, SafetyNumber, SealError, TransferError,
};
pub use bulla_store::{Erased, Version};

/// The ports a [`Relay`] is opened on, for those who name its type.
pub use bulla_store::Store;
pub use bulla_transport::{Blobs, NumberProof, Transport};
