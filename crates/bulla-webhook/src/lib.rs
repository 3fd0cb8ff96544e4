#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`WebhookSink`], [`Webhook`], [`Connector`], [`AllowedNetworks`]; [`Resolver`], [`Dialer`] and
//! [`CallbackLookup`] are its ports. A `TlsDialer` is what `https` is spoken by. [`CallbackVerifier`] makes
//! handshakes. [`Fetcher`] goes by the same rules to where files are.

mod callback;
mod sink;
mod status_pricing;
mod webhook;

pub mod signature;

mod api_ids;
mod ascii_json;
mod payload;

mod outage_log;
mod subscription;

mod circuit_breaker;
mod client;
mod fetcher;
mod http_connection;
mod idle_connections;
mod server_state;

mod connector;
mod dialer;
mod resolver;
#[cfg(feature = "tls")]
mod tls_dialer;
mod webhook_url;

mod address_class;
mod allowed_networks;
mod ip_network;
mod special_purpose_ranges;

mod error;
mod limits;
mod metrics;

pub use address_class::AddressClass;
pub use allowed_networks::AllowedNetworks;
pub use callback::{CallbackError, CallbackLookup, CallbackNotKnown, CallbackVerifier, LookingUpCallback};
pub use connector::Connector;
pub use dialer::{Connection, Dialer, Dialing, TcpDialer, UntrustedCertificate};
pub use error::WebhookError;
pub use fetcher::{FetchError, Fetched, FetchedBytes, Fetcher};
pub use ip_network::{InvalidNetwork, IpNetwork};
pub use limits::{
    ANSWER_TIMEOUT, CONNECT_TIMEOUT, FETCH_TIMEOUT, MAX_ADDRESSES, MAX_CALLS, MAX_CALLS_PER_WEBHOOK,
    MAX_IDLE, MAX_PROBES, MAX_REDIRECTS, MAX_RESPONSE_BODY_BYTES, MAX_RESPONSE_HEAD_BYTES, MAX_RETRY_AFTER,
    QUEUE_TIMEOUT,
};
pub use resolver::{Resolver, Resolving, SystemResolver};
pub use sink::WebhookSink;
pub use status_pricing::StatusPricing;
#[cfg(feature = "tls")]
pub use tls_dialer::TlsDialer;
pub use webhook::{InvalidWebhook, Webhook};

/// What a status tells of a price.
pub use bulla_relay::{PricingType, WindowState};
