#![doc = include_str!("../README.md")]

mod api;
mod desk;
mod limits;
mod tokens;
mod user_id;
mod wamid;

mod refusal;

pub mod signature;
mod sink;
mod webhook;

pub use api::GraphApi;
pub use desk::Desk;
pub use limits::{
    BODY_PATIENCE, LONGEST_PAUSE, MAX_BODY_BYTES, MAX_NESTING, MAX_TO_CHARS, MAX_TOKEN_BYTES,
    MAX_WEBHOOK_REPLY_BYTES, WEBHOOK_PATIENCE,
};
pub use sink::{WebhookError, WebhookSink};
pub use tokens::Tokens;
pub use webhook::{InvalidWebhook, Webhook};
