//! Where a device's records stand in its store, all in the partition of its user.
//!
//! ```text
//! space         name          value
//! INBOX/day     place         events that were not acknowledged
//! OUTBOX/day    place         an envelope that is to go to the carrier
//! SEEN/day      envelope id   nothing: the envelope was opened
//! SPOKEN/day    business      nothing: something was exchanged with the business on this day
//! UNCONFIRMED/day   business ‖ message id   what the user has said, until the business has confirmed it; or
//!                                         that it is lost, and that the user knows
//! ASKED/day         business ‖ envelope id  a message that could not be opened, and how often it was asked for
//! REPORTABLE/day    business ‖ message id   what a report of the message takes: its category, its stamp, and
//!                                         all that was sealed. The day is when it came
//! HEAD          –             on which day each place in inbox and outbox stands
//! PEPPER        –             (in the partition of nobody) the key of all partitions
//! ```
//!
//! HEAD and PEPPER are undated: they end with the device's store. What the endpoint keeps of a business ends
//! when nothing is left of it under SPOKEN. Inbox and outbox are read by place: a clock that was ahead for a
//! moment hides nothing that came after.

use bulla_base::{MessageId, PhoneNumberId};
use bulla_store::{Key, Space, StoreError};
use bytes::Bytes;

pub(crate) const INBOX: Space = Space::new(0x30);
pub(crate) const OUTBOX: Space = Space::new(0x31);
pub(crate) const SEEN: Space = Space::new(0x32);
pub(crate) const HEAD: Space = Space::new(0x33);
pub(crate) const PEPPER: Space = Space::new(0x34);

pub(crate) const SPOKEN: Space = Space::new(0x35);
pub(crate) const UNCONFIRMED: Space = Space::new(0x36);
pub(crate) const ASKED: Space = Space::new(0x37);
pub(crate) const REPORTABLE: Space = Space::new(0x38);

pub(crate) fn head() -> Key {
    Key::undated(HEAD, "")
}

pub(crate) fn seen(id: MessageId) -> Key {
    Key::dated(SEEN, id.day(), Bytes::copy_from_slice(id.as_bytes()))
}

/// A record of `space` about a message that is exchanged with `business`.
pub(crate) fn about(space: Space, business: PhoneNumberId, id: MessageId) -> Key {
    Key::dated(space, id.day(), [&business.number().to_be_bytes()[..], id.as_bytes()].concat())
}

/// What the names of all records of SPOKEN about `business` are.
pub(crate) fn of(business: PhoneNumberId) -> Bytes {
    Bytes::copy_from_slice(&business.number().to_be_bytes())
}

/// Which message, exchanged with which business, the record under `key` is about.
pub(crate) fn subject(key: &Key) -> Result<(PhoneNumberId, MessageId), StoreError> {
    let damaged = || StoreError::Damaged { what: "name of a retry request" };
    let (business, id) = key.name().split_first_chunk().ok_or_else(damaged)?;
    let id = MessageId::from_bytes(id).map_err(|_| damaged())?;
    Ok((PhoneNumberId::new(u64::from_be_bytes(*business)), id))
}
