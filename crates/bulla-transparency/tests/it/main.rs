//! What the log proves, and that nothing else can be made of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod checks;
mod test_log;

mod another_implementation;
mod bounds;
mod checkpoints;
mod corpus;
mod cost;
mod evidence;
mod evidence_command;
mod known_answers;
mod monitoring;
mod proofs;
#[cfg(target_os = "linux")]
mod secrets;
mod witness;
