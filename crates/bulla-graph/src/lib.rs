#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`GraphApi`], [`Tokens`], [`Settings`]; [`Access`] and [`RelayApi`] are its ports.

mod access;
mod relay_api;
mod tokens;

mod api;
mod api_error;
mod server;

mod limits;
mod message_id;
mod metrics;
mod settings;
mod user_id;

pub use access::{Access, AccessError, DynAccess, Grant, LookingUp};
pub use api::GraphApi;
pub use limits::{
    ANSWER_TIMEOUT, BODY_TIMEOUT, DRAIN_TIMEOUT, HEAD_TIMEOUT, IDLE_TIMEOUT, LINGER_TIMEOUT, MAX_BODY_BYTES,
    MAX_DRAINED_BYTES, MAX_HEAD_BYTES, MAX_LINGER_BYTES, MAX_TO_CHARS, MAX_TOKEN_BYTES, ROOM_TIMEOUT,
};
pub use relay_api::{Answering, DynRelayApi, RelayApi};
pub use settings::Settings;
pub use tokens::{InvalidToken, Tokens};
