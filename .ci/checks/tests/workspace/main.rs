#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod architecture;
mod bounds_stand_in_limits;
mod constructors_come_first;
mod crate_readmes;
mod features;
mod line_width;
mod named_paths_exist;
mod packages;
