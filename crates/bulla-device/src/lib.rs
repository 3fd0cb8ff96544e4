#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Device`], and what it shows: [`DeviceEvent`] and [`DeviceEventKind`].

mod attachment_error;
mod device;
mod error;
mod event;
mod limits;

mod metrics;
mod report_error;
mod store_layout;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;

pub use attachment_error::AttachmentIoError;
pub use device::Device;
pub use error::{DeviceError, SendError};
pub use event::{DeviceEvent, DeviceEventKind};
pub use limits::{MAX_ASKED_FOR, MAX_UNCONFIRMED};
pub use report_error::ReportError;

/// What shows in the signatures.
pub use bulla_endpoint::{
    AttachmentDownload, AttachmentUpload, DeviceList, EndpointError, FIRST_WAIT, Identity, InvalidForm,
    InvalidIdentity, LONGEST_ASKED_FOR, LogKey, MAX_RETRY_REQUESTS, NotListed, NotLogged, NotProven,
    OnSplitLog, OpenError, Origin, SafetyNumber, SealError, TransferError,
};
pub use bulla_integrity::Reason;
pub use bulla_transport::NumberProof;
