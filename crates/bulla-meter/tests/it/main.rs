//! What is counted, what it costs, and what both sides can prove of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod bills;
mod cards;
mod checks;

mod corpus;
mod exports;
mod ledgers;
mod markets;
mod rate_changes;
mod rates;
mod reconciliation;
mod statements;
