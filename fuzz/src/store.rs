//! The checks of bulla-store-fjall.

#[path = "../../crates/bulla-store-fjall/tests/it/checks/journal.rs"]
pub(crate) mod journal;
