//! The checks of bulla-session.

#[path = "../../crates/bulla-session/tests/it/checks/dialogue.rs"]
pub(crate) mod dialogue;
#[path = "../../crates/bulla-session/tests/it/checks/message.rs"]
pub(crate) mod message;
#[path = "../../crates/bulla-session/tests/it/checks/parts.rs"]
#[expect(dead_code, reason = "what the corpus started from is compared where it is replayed")]
pub(crate) mod parts;
#[path = "../../crates/bulla-session/tests/it/checks/records.rs"]
pub(crate) mod records;
#[path = "../../crates/bulla-session/tests/it/checks/stored.rs"]
pub(crate) mod stored;
