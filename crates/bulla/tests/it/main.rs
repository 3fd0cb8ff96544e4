#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod architecture;
mod bounds;
mod devices;
mod features;
mod front_pages;
mod host;
mod line_width;
mod message_cost;
mod named_paths;
mod packages;
mod reinstalled_device;
mod restored_backup;
mod retention;
mod simulation;
