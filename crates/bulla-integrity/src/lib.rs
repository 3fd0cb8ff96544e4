#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`commitment`] is what a sender binds itself to, and [`Acceptance`] what the carrier sees of a message;
//! [`StampKeys`] make a [`Stamp`] of it, and verify the [`Report`] of its recipient.

mod acceptance;
mod franking;
mod stamp;
mod stamp_keys;

mod report;

mod byte_reader;
mod error;
mod limits;
mod secret;

pub use acceptance::Acceptance;
pub use franking::commitment;
pub use stamp::Stamp;
pub use stamp_keys::StampKeys;

pub use report::{Reason, Report, ReportedMessage};

pub use error::{InvalidForm, NotProven};
pub use limits::{
    MAX_DAYS_FORWARD, MAX_NOTE_BYTES, MAX_REPORT_BYTES, MAX_REPORTED_BYTES, MAX_REPORTED_MESSAGES,
    STAMP_KEY_DAYS,
};
