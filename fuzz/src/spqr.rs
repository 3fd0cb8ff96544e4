//! The checks of bulla-spqr.

#[path = "../../crates/bulla-spqr/tests/it/checks/exchange.rs"]
pub(crate) mod exchange;
#[path = "../../crates/bulla-spqr/tests/it/checks/message.rs"]
pub(crate) mod message;
#[path = "../../crates/bulla-spqr/tests/it/checks/stored.rs"]
pub(crate) mod stored;
