#![doc = include_str!("../README.md")]

mod desk;
mod tokens;

mod api;
mod refusal;

mod limits;
mod user_id;
mod wamid;

pub use api::GraphApi;
pub use desk::Desk;
pub use limits::{
    BODY_PATIENCE, DRAIN_PATIENCE, MAX_BODY_BYTES, MAX_DRAINED_BYTES, MAX_TO_CHARS, MAX_TOKEN_BYTES,
};
pub use tokens::Tokens;
