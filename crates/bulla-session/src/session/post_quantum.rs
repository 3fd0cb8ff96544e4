//! Where the post-quantum ratchet has its place in a session.
//!
//! It is not built yet. What it starts from, the third part of what PQXDH agrees on, is kept, so that a session can
//! grow it; until then nothing is contributed to the message keys, and a message that carries a contribution of
//! the peer's is refused, because its keys cannot be derived without following.

use crate::secret::Secret;

/// The state of a session's post-quantum ratchet.
pub(super) struct PostQuantum {
    /// The key both ends authenticate the ratchet with.
    pub(super) auth_key: Secret<32>,
}

/// What the post-quantum ratchet adds to one message's keys.
pub(super) struct Contribution;

impl Contribution {
    /// The salt for the message's key derivation.
    pub(super) fn salt(&self) -> &[u8] {
        &[]
    }

    /// What the message carries of the ratchet, if anything.
    pub(super) fn field(&self) -> Option<&[u8]> {
        None
    }
}

/// The peer's ratchet cannot be followed.
pub(super) struct CannotFollow;

impl PostQuantum {
    pub(super) fn new(auth_key: Secret<32>) -> Self {
        Self { auth_key }
    }

    /// The contribution to the next message sealed.
    pub(super) fn send(&self) -> Contribution {
        Contribution
    }

    /// The contribution to a message received with this in its field 5, where nothing and no bytes are the same.
    pub(super) fn receive(&self, field: Option<&[u8]>) -> Result<Contribution, CannotFollow> {
        match field {
            None | Some([]) => Ok(Contribution),
            Some(_) => Err(CannotFollow),
        }
    }
}
