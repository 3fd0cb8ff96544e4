//! The checks of bulla-graph.

#[path = "../../crates/bulla-graph/tests/it/checks/body.rs"]
pub(crate) mod body;
