//! The sink, against real web servers on the loopback.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod checks;
mod clock;
mod corpus;
mod edges;
mod handshake;
mod ids;
mod listeners;
mod receiver;
mod silence;
mod steering;
mod telling;
mod updates;
mod whole;
