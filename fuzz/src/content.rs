//! The checks of bulla-content.

#[path = "../../crates/bulla-content/tests/it/checks/content.rs"]
pub(crate) mod content;
