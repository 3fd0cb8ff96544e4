//! What sessions do, seen from outside.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod archive;
mod budget;
mod checks;
mod conversation;
mod corpus;
mod limits;
mod parts;
mod public;
mod secrets;
mod shelf;
mod side;
mod stored;
mod untrusted;
mod vectors;
mod wycheproof;
