#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`GraphApi`], [`Tokens`], [`Settings`]; [`Access`] and [`Desk`] are its ports.

mod access;
mod desk;
mod tokens;

mod api;
mod refusal;
mod server;

mod limits;
mod metrics;
mod settings;
mod user_id;
mod wamid;

pub use access::{Access, AccessError, Grant};
pub use api::GraphApi;
pub use desk::Desk;
pub use limits::{
    ANSWER_PATIENCE, BODY_PATIENCE, DRAIN_PATIENCE, HEAD_PATIENCE, IDLE_PATIENCE, LINGER_PATIENCE,
    MAX_BODY_BYTES, MAX_DRAINED_BYTES, MAX_HEAD_BYTES, MAX_LINGER_BYTES, MAX_TO_CHARS, MAX_TOKEN_BYTES,
    ROOM_PATIENCE,
};
pub use settings::Settings;
pub use tokens::{InvalidToken, Tokens};
