//! What a relay promises to businesses, on virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod acknowledged_events;
mod businesses;
mod calls_in_flight;
mod cancellation;
mod clock_jumps;
mod configuration;
mod conflicts;
mod corpus;
mod dead_letters;
mod debug_output;
mod device_lists;
mod devices;
mod erasure;
mod fault_isolation;
mod forward_events;
mod idempotency;
mod identities;
mod idle_memory;
mod key_log;
mod ledger;
mod log_leaves;
mod logs;
mod media;
mod messaging_limit;
mod number_proofs;
mod one_time_keys;
mod open_envelopes;
mod pair_rate;
mod received_media;
mod recording_sink;
mod reports;
mod resends;
mod restrictions;
mod service_window;
mod sink_calls;
mod start_up;
mod submit;
mod takeover;
mod templates;
mod throughput;
mod time_to_live;
mod typing;
mod uploads;
mod usage;
mod world;
