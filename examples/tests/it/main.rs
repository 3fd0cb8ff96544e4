//! The programs, from outside: as processes that are started, talked to, interrupted and killed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a test that fails should say so by panicking"
)]

mod dead_disk;
mod endings;
mod file_store;
mod kills;
mod watched;
