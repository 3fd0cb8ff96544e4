//! Where an endpoint's records stand in its store.
//!
//! ```text
//! partition   space       name                                   value
//! home        IDENTITY    –                                      identity key pair and registration id
//! home        STATE       –                                      incarnation and the next prekey's id
//! home        SIGNED      –                                      the signed prekey
//! home        KYBER       –                                      the Kyber prekey of last resort
//! home        SIGNED/day  id                                     one that was replaced on that day; so KYBER
//! home        ONE_TIME    id                                     a one-time prekey, until it is used, or was replaced long ago
//! system      GENERATION  –                                      that of the store, if it was put back from a backup
//! system      KEY_LOG     id of the log's key ‖ `h`              the newest head that was seen, signed
//! home        LOGGED      –                                      what the log of keys has said of the business
//! system      KEY_LOG     id of the log's key ‖ `r`              the right edge of the log's tree, as far as its leaves were read
//! system      KEY_LOG     id of the log's key ‖ `e`              the evidence, if the log has signed two histories
//! customer    SESSIONS    business ‖ device ‖ part               a part of the sessions with the peer
//! customer    SESSIONS    business ‖ device ‖ 0                  what is remembered of the peer's identity
//! customer    DEVICE_LIST business                               the newest list of the user's devices that was seen
//! customer    GENERATION  business ‖ device                      in which the session in use began, if not the first
//! customer    STARTED     business ‖ SHA-256(prekeys, base key)  nothing: a session was started with these
//! ```
//!
//! The home partition is the endpoint's own, the system's is
//! [`SYSTEM_PARTITION`](bulla_store::SYSTEM_PARTITION); a customer's is that of the user in the conversation.
//! On a user's device the two are one.

use bulla_base::{Address, Party};
use bulla_session::StoredPart;
use bulla_store::{Key, Space};
use bytes::Bytes;

use crate::SealError;

pub(crate) const IDENTITY: Space = Space::new(0x10);
pub(crate) const STATE: Space = Space::new(0x11);
pub(crate) const SIGNED: Space = Space::new(0x12);
pub(crate) const KYBER: Space = Space::new(0x13);
pub(crate) const ONE_TIME: Space = Space::new(0x14);
pub(crate) const SESSIONS: Space = Space::new(0x15);
pub(crate) const STARTED: Space = Space::new(0x16);
pub(crate) const GENERATION: Space = Space::new(0x17);
pub(crate) const KEY_LOG: Space = Space::new(0x18);
pub(crate) const DEVICE_LIST: Space = Space::new(0x19);
pub(crate) const LOGGED: Space = Space::new(0x1a);

/// The key of the one record of `space` in the home partition.
pub(crate) fn only(space: Space) -> Key {
    Key::undated(space, "")
}

pub(crate) fn one_time(id: u32) -> Key {
    Key::undated(ONE_TIME, id.to_be_bytes().to_vec())
}

/// What the names of all parts of the sessions between `ours` and `theirs` begin with. One of the two is a
/// business; no phone number stands in them.
pub(crate) fn sessions(ours: &Address, theirs: &Address) -> Result<Bytes, SealError> {
    let (business, user) = match (ours.party(), theirs.party()) {
        (Party::Business(business), Party::User(_)) => (business, theirs),
        (Party::User(_), Party::Business(business)) => (business, ours),
        _ => return Err(SealError::NotAConversation),
    };
    let mut name = business.number().to_be_bytes().to_vec();
    name.push(user.device().number());
    Ok(name.into())
}

/// The key of a part of the sessions whose names begin with `sessions`.
pub(crate) fn part(sessions: &[u8], part: StoredPart) -> Key {
    Key::undated(SESSIONS, [sessions, part.name().as_ref()].concat())
}

/// The key of what is remembered of the peer's identity, beside the sessions whose names begin with
/// `sessions`.
pub(crate) fn trust(sessions: &[u8]) -> Key {
    Key::undated(SESSIONS, [sessions, &[StoredPart::WORKING]].concat())
}
