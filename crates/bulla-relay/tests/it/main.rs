//! What a relay promises to businesses, on virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod businesses;
mod clocks;
mod endings;
mod erasing;
mod forwarding;
mod identities;
mod idle;
mod in_the_way;
mod interrupted;
mod printing;
mod proofs;
mod resending;
mod scopes;
mod sink_calls;
mod starts;
mod stock;
mod submitting;
mod taken;
mod world;
