#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod bounds;
mod conformance;
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
mod world;
mod wycheproof;
