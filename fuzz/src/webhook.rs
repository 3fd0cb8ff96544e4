//! The checks of bulla-webhook.

#[path = "../../crates/bulla-webhook/tests/it/checks/answer.rs"]
pub(crate) mod answer;
