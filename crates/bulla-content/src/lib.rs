#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Content`] is what was said, [`Body`] its kinds, [`Opening`] what commits to it.

mod content;
mod emoji;
mod error;
mod limits;
mod opening;
mod padding;
mod reaction;
mod receipt;
mod text;
mod wire;

pub use content::{Body, Content, Encoded};
pub use error::InvalidContent;
pub use limits::{MAX_EMOJI_BYTES, MAX_PLAINTEXT_BYTES, MAX_RECEIPT_IDS, MAX_TEXT_CHARS, PADDING_STEP};
pub use opening::{NotWhatWasSent, Opening};
pub use reaction::Reaction;
pub use receipt::{Progress, Receipt};
pub use text::Text;
