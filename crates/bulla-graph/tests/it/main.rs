//! The API, driven from outside through its router and over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod analytics;
mod app;
mod bad_requests;
mod boxed_ports;
mod callbacks;
mod checks;
mod client_spellings;
mod clock;
mod connection_limits;
mod connections;
mod corpus;
mod cross_origin;
mod fake_relay;
mod harness;
mod links;
mod logs_and_metrics;
mod management;
mod media;
mod memory;
mod message_kinds;
mod openapi;
mod pages;
mod profile_pictures;
mod properties;
mod real_relay;
mod received_media;
mod recorded_requests;
mod scopes;
mod sockets;
mod submit;
mod templates;
mod tls;
mod tokens_and_paths;
mod unread_bodies;
mod uploads;
