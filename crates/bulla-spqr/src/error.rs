//! What can be wrong with messages and stored bytes.

use thiserror::Error;

/// Why nothing could be sent. The session has to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The epoch's sending chain has given out 2^32 - 1 keys without the peer moving on.
    #[error("the sending chain of the epoch is exhausted")]
    Exhausted,
    /// The peer's header cannot be encapsulated to. No header of the right length is known for which this is
    /// so.
    #[error("the peer's key header is unusable")]
    Header,
}

/// Bytes that are no message of the ratchet. All of this shows in the message's public bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// There are none: the sender takes no part in the ratchet.
    #[error("there is no message of the ratchet")]
    Absent,
    /// Another version than the one spoken here.
    #[error("version {found} of the ratchet instead of {spoken}")]
    Version {
        /// The version found.
        found: u8,
        /// The version spoken: 1.
        spoken: u8,
    },
    /// The bytes end inside a field.
    #[error("the message of the ratchet ends inside its {field}")]
    Truncated {
        /// The field's name.
        field: &'static str,
    },
    /// A number that its field has no room for, or zero where counting starts at one.
    #[error("the message of the ratchet has an impossible {field}")]
    OutOfRange {
        /// The field's name.
        field: &'static str,
    },
}

/// Why a message was not received. Nothing has changed by it.
///
/// Once the message around it is authenticated, only [`Forged`](Self::Forged) and [`Future`](Self::Future)
/// tell of a peer that does not follow the protocol; before, any of them may be an attacker's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// Not a message of the ratchet.
    #[error("not a message of the ratchet")]
    Malformed(#[from] MessageError),
    /// The message is of an epoch that has not begun.
    #[error("the message is of epoch {epoch}, while epoch {current} is under way")]
    Future {
        /// The message's epoch.
        epoch: u64,
        /// Ours.
        current: u64,
    },
    /// The keys of the message's epoch have been given up.
    #[error("the keys of epoch {epoch} are gone, the oldest are of epoch {oldest}")]
    Past {
        /// The epoch of the message's key.
        epoch: u64,
        /// The oldest epoch there are keys of.
        oldest: u64,
    },
    /// The key at this index was used before, or given up: see
    /// [`limits::MAX_SKIPPED_KEYS`](crate::limits::MAX_SKIPPED_KEYS).
    #[error("key {index} of a chain that stands at {counter} is used up")]
    UsedUp {
        /// The message's index.
        index: u32,
        /// Where the chain stands.
        counter: u32,
    },
    /// The index is further ahead than may be skipped.
    #[error("key {index} of a chain that stands at {counter} is more than {limit} ahead")]
    TooFarAhead {
        /// The message's index.
        index: u32,
        /// Where the chain stands.
        counter: u32,
        /// How far ahead it might be: [`limits::MAX_SKIP`](crate::limits::MAX_SKIP).
        limit: u32,
    },
    /// The key at this index may be in the caller's store, and has not been loaded. Never so with a ratchet
    /// that was read whole.
    #[error("key {index} of epoch {epoch} is not loaded")]
    NotLoaded {
        /// The epoch of the key.
        epoch: u64,
        /// The message's index.
        index: u32,
    },
    /// A header, key or ciphertext is complete and not authentic. Which it is shows from the state alone.
    #[error("what the peer has sent in pieces is not authentic")]
    Forged,
}

/// A stored ratchet that cannot be read. The storage gave back something else than was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoredError {
    /// Written in a form this version of the crate does not know.
    #[error("the stored ratchet has form {found}, this version reads up to {newest}")]
    Form {
        /// The form found.
        found: u8,
        /// The newest form that is understood.
        newest: u8,
    },
    /// The bytes end before the field does.
    #[error("the stored ratchet ends inside {field}")]
    Truncated {
        /// The field's name.
        field: &'static str,
    },
    /// More bytes than the ratchet fills.
    #[error("the stored ratchet is followed by {surplus} more bytes")]
    Trailing {
        /// How many.
        surplus: usize,
    },
    /// More bytes than a ratchet can fill at all.
    #[error("the stored ratchet has {actual} bytes, more than {most}")]
    TooLong {
        /// The most there can be: [`limits::MAX_STORED_BYTES`](crate::limits::MAX_STORED_BYTES).
        most: usize,
        /// How many there are.
        actual: usize,
    },
    /// A field holds what is never written there.
    #[error("the stored ratchet has an impossible {field}")]
    Value {
        /// The field's name.
        field: &'static str,
    },
}
