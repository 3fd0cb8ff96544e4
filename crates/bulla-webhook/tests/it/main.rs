//! The sink, against real web servers on the loopback.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod clock;
mod handshake;
mod ids;
mod receiver;
mod updates;
mod whole;
