#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`GraphApi`], [`Tokens`], [`Settings`]; [`TokenLookup`] and [`RelayApi`], with [`MediaApi`],
//! [`TemplateApi`] and [`ManagementApi`], are its ports, and [`NumberCodes`], [`LinkFetcher`],
//! [`CallbackHandshake`] and [`AccountTerms`] can be had. [`CallbackRecords`] tells which callbacks were set.

mod account_terms;
mod callbacks;
mod link_fetcher;
mod management_api;
mod media_api;
mod number_codes;
mod relay_api;
mod template_api;
mod token_lookup;
mod tokens;

mod api;
mod api_error;
mod server;

mod limits;
mod media_name;
mod metrics;
mod scope;
mod settings;
mod user_id;
mod wamid;

pub use account_terms::AccountTerms;
pub use api::GraphApi;
pub use callbacks::{CallbackHandshake, CallbackRecordError, CallbackRecords, CallbackRefused};
pub use limits::{
    ANSWER_TIMEOUT, BODY_TIMEOUT, DRAIN_TIMEOUT, HEAD_TIMEOUT, IDLE_TIMEOUT, LINGER_TIMEOUT, MAX_BODY_BYTES,
    MAX_DRAINED_BYTES, MAX_FORM_BYTES, MAX_FORM_FIELD_BYTES, MAX_HEAD_BYTES, MAX_LINGER_BYTES,
    MAX_LINK_CHARS, MAX_TO_CHARS, MAX_TOKEN_BYTES, PREFLIGHT_LIFE, ROOM_TIMEOUT, UPLOAD_TIMEOUT,
};
pub use link_fetcher::{FetchedLink, LinkBytes, LinkError, LinkFetcher};
pub use management_api::{ConfigurationPage, ManagementApi};
pub use media_api::{DynMediaApi, MediaApi};
pub use number_codes::{CodeMethod, CodeNotSent, NumberCodes};
pub use relay_api::{Answering, DynRelayApi, RelayApi};
pub use scope::Scope;
#[cfg(feature = "tls")]
pub use server::Tls;
pub use settings::Settings;
pub use template_api::{DynTemplateApi, TemplateApi};
pub use token_lookup::{DynTokenLookup, Grant, LookingUp, TokenLookup, TokenLookupError};
pub use tokens::{InvalidToken, Tokens};
