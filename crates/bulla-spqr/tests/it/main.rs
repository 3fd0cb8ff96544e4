//! What two ends of the ratchet do, seen from outside.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod checks;
mod conversation;
mod corpus;
mod end;
mod rows;
mod secrets;
mod sizes;
mod stored;
mod untrusted;
