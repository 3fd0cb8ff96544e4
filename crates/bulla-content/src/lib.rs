#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Content`] is what was said, [`Body`] its kinds, [`Opening`] what commits to it.

mod content;
mod emoji;
mod reaction;
mod receipt;
mod retry_request;
mod text;

mod franking_opening;
mod padding;
mod wire;

mod error;
mod limits;

pub use content::{Body, Content, Encoded};
pub use reaction::Reaction;
pub use receipt::{Progress, Receipt};
pub use retry_request::RetryRequest;
pub use text::Text;

pub use franking_opening::{NotWhatWasSent, Opening};

pub use error::InvalidContent;
pub use limits::{MAX_EMOJI_BYTES, MAX_PLAINTEXT_BYTES, MAX_RECEIPT_IDS, MAX_TEXT_CHARS, PADDING_STEP};
