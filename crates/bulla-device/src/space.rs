//! Where a device's records stand in its store, all in the partition of its user.
//!
//! ```text
//! space         name          value
//! INBOX/day     place         news that was not finished
//! OUTBOX/day    place         an envelope the carrier does not have yet
//! SEEN/day      envelope id   nothing: the envelope was opened
//! HEAD          –             the next places in inbox and outbox
//! PEPPER        –             (in the partition of nobody) the key of all partitions
//! ```

use bulla_base::{Day, MessageId, Timestamp};
use bulla_store::{Key, Retention, Scan, Space};
use bytes::Bytes;

pub(crate) const INBOX: Space = Space::new(0x30);
pub(crate) const OUTBOX: Space = Space::new(0x31);
pub(crate) const SEEN: Space = Space::new(0x32);
pub(crate) const HEAD: Space = Space::new(0x33);
pub(crate) const PEPPER: Space = Space::new(0x34);

pub(crate) fn head() -> Key {
    Key::undated(HEAD, "")
}

pub(crate) fn placed(space: Space, day: Day, place: u64) -> Key {
    Key::dated(space, day, place.to_be_bytes().to_vec())
}

pub(crate) fn seen(id: MessageId) -> Key {
    Key::dated(SEEN, id.day(), Bytes::copy_from_slice(id.as_bytes()))
}

/// All records of `space` that can still be read at `now`.
pub(crate) fn all(space: Space, now: Timestamp) -> Scan {
    let oldest = now.before(Retention::LONGEST.span()).day();
    // A clock that has jumped back does not hide what was made before it did.
    Scan::dated(space, oldest..=Day::from_number(now.day().number().saturating_add(31)))
}
