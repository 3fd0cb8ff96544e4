#![doc = include_str!("../README.md")]

mod sink;
mod webhook;

pub mod signature;

mod ascii;
mod names;
mod payload;

mod client;
mod subscription;

mod error;
mod limits;

pub use error::WebhookError;
pub use limits::{ANSWER_TIMEOUT, MAX_RESPONSE_BODY_BYTES, MAX_RETRY_AFTER};
pub use sink::WebhookSink;
pub use webhook::{InvalidWebhook, Webhook};
