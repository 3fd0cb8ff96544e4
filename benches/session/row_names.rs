//! The names of the rows.

pub(crate) const SEAL_BURST: &str = "seal 100 B, every tenth answered";
pub(crate) const OPEN_BURST: &str = "open 100 B, every tenth answered";
pub(crate) const PING_PONG: &str = "ping-pong 1 KiB, per message";
pub(crate) const SETUP: &str = "setup with first seal";
pub(crate) const FIRST_OPEN: &str = "first open";
pub(crate) const SKIP: &str = "open that skips 500";
pub(crate) const UNSTORED: &str = "next open, none stored";
pub(crate) const STORED: &str = "next open, 500 stored";
pub(crate) const SEAL_STORED: &str = "next seal, 500 stored";
pub(crate) const SAVE: &str = "save";
pub(crate) const LOAD: &str = "load";
pub(crate) const SAVE_STORED: &str = "save, 500 stored";
pub(crate) const LOAD_STORED: &str = "load, 500 stored";

pub(crate) const RECORD: &str = "record of two that talk";
pub(crate) const RECORD_FIRST: &str = "record before the first answer";
pub(crate) const RECORD_STORED: &str = "record, 500 stored";
pub(crate) const WIRE_FIRST: &str = "first message, 100 B inside";
pub(crate) const WIRE: &str = "message, 100 B inside";

pub(crate) fn seal(length: usize) -> String {
    format!("seal {}", bytes(length))
}

pub(crate) fn open(length: usize) -> String {
    format!("open {}", bytes(length))
}

fn bytes(length: usize) -> String {
    if length.is_multiple_of(1024) { format!("{} KiB", length / 1024) } else { format!("{length} B") }
}
