//! What is proved, counted and decided about those who write what nobody wants.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod checks;
mod test_carrier;

mod bounds;
mod corpus;
mod forgeries;
mod ladder;
mod population;
mod recipients;
mod stamp_keys;
