//! The checks of bulla-envelope.

#[path = "../../crates/bulla-envelope/tests/it/checks/envelope.rs"]
pub(crate) mod envelope;
#[path = "../../crates/bulla-envelope/tests/it/checks/upload.rs"]
pub(crate) mod upload;
