//! The checks of bulla-store.

#[path = "../../crates/bulla-store/tests/it/checks/queue_index.rs"]
pub(crate) mod queue_index;
