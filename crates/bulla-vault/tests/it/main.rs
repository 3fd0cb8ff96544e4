#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod bounds;
mod checks;
mod conformance;
mod corpus;
mod disk;
mod erasure;
mod generations;
mod idle;
mod jumps;
mod keys;
mod races;
mod sealed;
mod torn;
mod upkeep;
mod watched;
mod world;
mod wycheproof;
