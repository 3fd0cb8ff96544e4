//! The API, driven from outside through its router and over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod access;
mod checks;
mod clock;
mod corpus;
mod crowded;
mod fake;
mod harness;
mod memory;
mod properties;
mod recorded;
mod refusing;
mod serving;
mod sockets;
mod submit;
mod telling;
mod unread;
mod whole;
