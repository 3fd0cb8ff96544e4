//! What the simulator promises of itself. What it shows of the system is in the facade's tests and the gate.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod planted_bugs;
mod replay;
