#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod architecture;
mod attachments;
mod bounds_stand_in_limits;
mod constructors_come_first;
mod crate_readmes;
mod devices;
mod features;
mod host_setup;
mod line_width;
mod message_cost;
mod named_paths_exist;
mod over_the_network;
mod packages;
mod reinstalled_device;
mod restored_backup;
mod retention;
mod simulation;
