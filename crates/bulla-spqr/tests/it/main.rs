//! What two ends of the ratchet do, seen from outside.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod checks;
mod corpus;
mod dialogue;
mod row_store;
mod secrets;
mod serialization;
mod serialized_sizes;
mod test_peer;
mod untrusted;
