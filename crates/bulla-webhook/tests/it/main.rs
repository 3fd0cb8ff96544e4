//! The sink, against real web servers on the loopback.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod account_updates;
mod api_ids;
mod callbacks;
mod checks;
mod clock;
mod corpus;
mod fetcher;
mod forbidden_addresses;
mod handshake;
mod https;
mod listeners;
mod logs_and_metrics;
mod message_kinds;
mod real_relay;
mod receiver;
mod silent_servers;

mod time_limits;
mod updates;
