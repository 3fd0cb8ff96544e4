//! Where the vault's own records stand in its store.
//!
//! ```text
//! partition   space   name          value
//! any         VAULT   salt          what goes into the key of every record of the partition: salt (32)
//! zero        VAULT   generation    how often the store was opened, u64 ‖ by whom (16)
//! ```
//!
//! Both are sealed under the lasting key. The vault refuses to write anything else to this space and shows nothing of it.

use bulla_store::{Key, Space};

pub(crate) const VAULT: Space = Space::new(0x50);

pub(crate) fn salt() -> Key {
    Key::undated(VAULT, "salt")
}

pub(crate) fn generation() -> Key {
    Key::undated(VAULT, "generation")
}
