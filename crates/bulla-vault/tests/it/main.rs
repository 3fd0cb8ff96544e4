#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod batch_bounds;
mod checks;
mod clock_jumps;
mod conformance;
mod corpus;
mod disk;
mod erasure;
mod generations;
mod metrics;
mod operator_keys;
mod races;
mod sealing;
mod torn_keyring;
mod unused_salts;
mod upkeep;
mod world;
mod wycheproof;
