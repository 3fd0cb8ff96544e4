//! Where the vault's own records stand in its store.
//!
//! ```text
//! partition   space   name          value
//! any         VAULT   salt          what goes into the key of every record of the partition: salt (32)
//! zero        VAULT   generation    how often the store was opened, u64 ‖ by whom (16)
//! zero        VAULT   look ‖ day (4) ‖ partition (16)    nothing: on that day it is looked whether anything
//! is left of the partition
//! ```
//!
//! The first two are sealed under the lasting key. The vault refuses to write anything else to this space and
//! shows nothing of it.

use bulla_base::{Day, Partition};
use bulla_store::{Key, Scan, Space};

pub(crate) const VAULT: Space = Space::new(0x50);

pub(crate) fn salt() -> Key {
    Key::undated(VAULT, "salt")
}

pub(crate) fn generation() -> Key {
    Key::undated(VAULT, "generation")
}

const LOOK: &[u8] = b"look";

/// On `day`, it is looked whether anything is left of `partition`.
pub(crate) fn look(day: Day, partition: Partition) -> Key {
    Key::undated(VAULT, [LOOK, &day.number().to_be_bytes(), partition.as_bytes()].concat())
}

/// When it is to be looked for what.
pub(crate) fn read_look(key: &Key) -> Option<(Day, Partition)> {
    let (day, partition) = key.name().strip_prefix(LOOK)?.split_first_chunk()?;
    Some((Day::from_number(u32::from_be_bytes(*day)), Partition::from_bytes(partition.try_into().ok()?)))
}

/// All looks, in the order of their days.
pub(crate) fn looks() -> Scan {
    Scan::undated(VAULT).prefix(LOOK)
}

/// A key under which nothing ever stands.
pub(crate) fn nothing() -> Key {
    Key::undated(VAULT, "")
}
