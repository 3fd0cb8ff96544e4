//! The carrier as a service over gRPC.
//!
//! What goes over the wire is described in the files `proto/bulla/carrier/v1/*.proto` of `bulla-transport`;
//! its `GrpcTransport` is the other side.
//!
//! # In reading order
//! [`GrpcService`] is the service, for a host's own server, and [`GrpcBlobs`] the one for blobs beside it;
//! [`Authenticator`] decides who may speak for whom, as [`ProvenIdentity`] unless the host has another;
//! [`serve`] is a server that does nothing else, over [`Listening`].

mod authenticator;
mod client_connection;
mod mac_key;
mod nonces;
mod proven_identity;
mod request_context;

mod service;
mod settings;

mod exchange;
mod handed_over;
mod open_streams;

mod blob_places;
mod blobs;
mod download;

mod server;

mod address_places;
mod call_body;
mod connection;
mod handshakes;
mod refused_calls;
mod taking_turns;

mod limits;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;

pub use authenticator::{Admission, Authenticator, NoAuthentication};
pub use blobs::GrpcBlobs;
pub use client_connection::ClientConnection;
pub use proven_identity::ProvenIdentity;
pub use request_context::RequestContext;
pub use service::GrpcService;
pub use settings::{GrpcSettings, InvalidSetting};

pub use server::{Listening, serve};

pub use limits::{
    CONNECTIONS_PER_ADDRESS, MAX_BLOB_STREAMS, MAX_BLOB_STREAMS_PER_PARTY, MAX_CONNECTIONS, MAX_OPEN_STREAMS,
    MESSAGE_DEADLINE, OPENING_DEADLINE, STALL_DEADLINE, STOPPING_DEADLINE, UNFINISHED_BYTES_PER_ADDRESS,
    UNFINISHED_BYTES_PER_CONNECTION,
};
