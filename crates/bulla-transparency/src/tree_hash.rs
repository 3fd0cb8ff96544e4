use std::fmt;

use sha2::{Digest, Sha256};

use crate::hex;

/// A hash of the log's tree: of a leaf, of a node, or its root.
///
/// SHA-256, as RFC 6962 section 2.1 and RFC 9162 section 2.1.1 have it. A leaf is hashed behind a byte 0 and
/// a node behind a byte 1, so that nothing is both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeHash([u8; 32]);

impl TreeHash {
    /// The hash with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The root of a log without leaves: the hash of no bytes.
    #[must_use]
    pub fn of_nothing() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// The hash of a leaf.
    #[must_use]
    pub fn of_leaf(leaf: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
    }

    /// The hash of the node above these two.
    ///
    /// # Cost
    /// 65 bytes are hashed: two blocks of SHA-256.
    #[must_use]
    pub fn of_node(left: &Self, right: &Self) -> Self {
        Self(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreeHash({})", hex::encode(&self.0))
    }
}
