//! No bytes panic, and what is read is written again as the same.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod checks;
mod corpus;
