#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod architecture;
mod columns;
mod features;
mod flat;
mod front_pages;
mod host;
mod packages;
mod reinstalled;
mod restored;
mod retention;
mod simulation;
