//! Whether a peer's identity is believed.

use crate::identity::IdentityKey;

/// The caller's decision whom to believe.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Trust<'a> {
    /// Whoever it is: the first contact, or an identity change that was consented to.
    Anyone,
    /// Only the holder of this identity key.
    Only(&'a IdentityKey),
}

impl Trust<'_> {
    pub(crate) fn admits(&self, identity: &IdentityKey) -> bool {
        match self {
            Self::Anyone => true,
            Self::Only(expected) => *expected == identity,
        }
    }
}

impl<'a> From<Option<&'a IdentityKey>> for Trust<'a> {
    /// The identity known so far, or none: trust on first use.
    fn from(known: Option<&'a IdentityKey>) -> Self {
        known.map_or(Self::Anyone, Self::Only)
    }
}
