//! The wire form of the port, over gRPC, and the transport to a carrier on another machine.
//!
//! The files `proto/bulla/carrier/v1/*.proto` of this crate describe every field; with them alone a client
//! can be written in any language. [`GrpcTransport`] is ours.
//!
//! # In reading order
//! [`GrpcTransport`], and [`Connector`], which brings it to the carrier: [`PlainTcp`] or [`Tls`];
//! [`IdentityProof`] shows who calls, bound to the connection by its [`ChannelBinding`].
//! [`proto`] is what the files compile to, for whoever serves it.

mod channel_binding;
mod client;
mod connector;
mod tls;

mod identities;
mod identity_proof;

mod connection;
mod exchange;
mod unacknowledged;
mod waiting_sends;

pub(crate) mod codec;
mod refusal;
mod wire;

mod blobs;

mod limits;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;

/// What `proto/bulla/carrier/v1/*.proto` compile to: messages, a client and the frame of a service.
///
/// # Security
/// The messages have no `Debug`: there are phone numbers and proofs among what they hold.
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "it is made by a compiler, and its comments are those of the files"
)]
pub mod proto {
    tonic::include_proto!("bulla.carrier.v1");
}

pub use client::GrpcTransport;
pub use connector::{ByteStream, Connecting, Connector, Link, PlainTcp};
pub use tls::{InvalidTls, Tls, tls_client, tls_server};

pub use channel_binding::ChannelBinding;
pub use identity_proof::IdentityProof;

pub use wire::address;

pub use blobs::{blob_id, blob_status};

pub use limits::{
    BLOB_FRAME_DATA_BYTES, CALL_DEADLINE, CONNECT_DEADLINE, CREDENTIAL_METADATA, MAX_BLOB_FRAME_BYTES,
    MAX_CALLS_IN_FLIGHT, MAX_CREDENTIAL_BYTES, MAX_FIELDS, MAX_FRAME_BYTES, MAX_HEADER_BYTES,
    MAX_NONCE_BYTES, MAX_UNACKNOWLEDGED,
};
