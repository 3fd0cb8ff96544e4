//! The programs, from outside: as processes that are started, talked to, interrupted and killed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a test that fails should say so by panicking"
)]

mod disk_failure;
mod exit_codes;
mod file_store;
mod kills;
mod metrics_and_logs;
mod sandbox;
