#![doc = include_str!("../README.md")]

mod desk;
mod tokens;

mod api;
mod refusal;

pub mod signature;
mod sink;
mod webhook;

mod limits;
mod user_id;
mod wamid;

pub use api::GraphApi;
pub use desk::Desk;
pub use limits::{
    BODY_PATIENCE, LONGEST_PAUSE, MAX_BODY_BYTES, MAX_NESTING, MAX_TO_CHARS, MAX_TOKEN_BYTES,
    MAX_WEBHOOK_REPLY_BYTES, WEBHOOK_PATIENCE,
};
pub use sink::{WebhookError, WebhookSink};
pub use tokens::Tokens;
pub use webhook::{InvalidWebhook, Webhook};
