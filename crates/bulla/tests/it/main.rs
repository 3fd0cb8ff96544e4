#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod attachments;
mod devices;
mod host_setup;
mod message_cost;
mod over_the_network;
mod reinstalled_device;
mod restored_backup;
mod retention;
mod simulation;
mod statements;
mod test_types;
