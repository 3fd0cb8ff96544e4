//! What sessions do, seen from outside.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod allocations;
mod archive;
mod checks;
mod corpus;
mod dialogue;
mod limits;
mod part_store;
mod public_types;
mod secrets;
mod serialization;
mod split_storage;
mod test_device;
mod untrusted;
mod vectors;
mod wycheproof;
