use std::slice;

use crate::byte_reader::ByteReader;
use crate::error::{InvalidForm, NotProven, at_most};
use crate::node::{self, NodeId, check_size, consistency_spans};
use crate::{Head, TreeHash};

/// That a log of some size has in front all that it had at another: it only grew (RFC 9162, section 2.1.4).
///
/// Made as an [`InclusionProof`](crate::InclusionProof) is: the keeper asks for the names of nodes, and puts
/// their hashes together. From nothing, and from a size to itself, it has no hashes.
///
/// ```text
///   old      u64, big-endian    8 bytes    the size before
///   new      u64, big-endian    8 bytes    the size after, at least `old`
///   hashes   from below up      32 each    at most 64
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    old: u64,
    new: u64,
    hashes: Vec<TreeHash>,
}

impl ConsistencyProof {
    /// Puts the proof together between a log of `old` leaves and one of `new`, from the hashes of what
    /// [`ConsistencyProof::nodes`] named, in that order.
    ///
    /// # Errors
    /// When there are more or fewer of them, or as for [`ConsistencyProof::nodes`]. Whether they are the
    /// right ones is seen when it is verified.
    pub fn from_nodes(old: u64, new: u64, nodes: &[TreeHash]) -> Result<Self, InvalidForm> {
        check_sizes(old, new)?;
        Ok(Self { old, new, hashes: node::hashes(&consistency_spans(old, new), nodes)? })
    }

    /// Reads the encoded form.
    ///
    /// # Errors
    /// When `new` is beyond [`MAX_LOG_LEAVES`](crate::MAX_LOG_LEAVES) or below `old`, or there are more or
    /// fewer bytes than these two take.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let mut reader = ByteReader::head_of(bytes, "bytes of a consistency proof", 16)?;
        let (old, new) = (reader.u64()?, reader.u64()?);
        check_sizes(old, new)?;
        Ok(Self { old, new, hashes: reader.hashes(consistency_spans(old, new).len())? })
    }

    /// The proof with these hashes, if they are as many as it takes.
    pub(crate) fn from_hashes(old: u64, new: u64, hashes: &[TreeHash]) -> Result<Self, InvalidForm> {
        check_sizes(old, new)?;
        let (expected, actual) = (consistency_spans(old, new).len(), hashes.len());
        if actual != expected {
            return Err(InvalidForm::Length { field: "hashes of the proof", expected, actual });
        }
        Ok(Self { old, new, hashes: hashes.to_vec() })
    }

    /// The nodes that a proof between these sizes takes: at most 126, and all of them complete once the log
    /// has `new` leaves.
    ///
    /// # Errors
    /// When `new` is beyond [`MAX_LOG_LEAVES`](crate::MAX_LOG_LEAVES) or below `old`.
    pub fn nodes(old: u64, new: u64) -> Result<Vec<NodeId>, InvalidForm> {
        check_sizes(old, new)?;
        Ok(node::nodes(&consistency_spans(old, new)))
    }

    /// Whether it proves that the log with the head `new` has in front what the one with the head `old` had.
    ///
    /// # Errors
    /// When one of them is of another size than it is about, or another root follows.
    ///
    /// # Cost
    /// At most 126 nodes are hashed; nothing is allocated.
    pub fn verify(&self, old: &Head, new: &Head) -> Result<(), NotProven> {
        same_size(self.old, old)?;
        same_size(self.new, new)?;
        let holds = match (self.old, self.new) {
            (0, _) => *old.root() == TreeHash::of_nothing(),
            (old_size, new_size) if old_size == new_size => old.root() == new.root(),
            _ => self.roots(old.root()) == Some((*old.root(), *new.root())),
        };
        if holds { Ok(()) } else { Err(NotProven::OtherRoot) }
    }

    /// The root that the first leaves of the log with the head `new` have, as many as the older size says,
    /// if the proof leads to `new` and tells it.
    ///
    /// Whatever `new` is, there is one such root: the proof's hashes are what is hashed to `new`, so two
    /// proofs that lead to it are the same. When it is not that of a head of the older size, no proof between
    /// the two exists. `None` also where the older size is a power of two: there the proof leaves the root
    /// out that it is checked with, so one that fails tells nothing.
    ///
    /// # Cost
    /// As [`ConsistencyProof::verify`].
    #[must_use]
    pub fn implied_old_root(&self, new: &Head) -> Option<TreeHash> {
        if self.new != new.size() || self.old == self.new || self.old.is_power_of_two() {
            return None;
        }
        let (old_root, new_root) = self.roots(&TreeHash::of_nothing())?;
        (new_root == *new.root()).then_some(old_root)
    }

    /// The size before.
    #[must_use]
    pub const fn old_size(&self) -> u64 {
        self.old
    }

    /// The size after.
    #[must_use]
    pub const fn new_size(&self) -> u64 {
        self.new
    }

    /// Its hashes, from below up.
    #[must_use]
    pub fn hashes(&self) -> &[TreeHash] {
        &self.hashes
    }

    /// The encoded form: at most 2,064 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + 32 * self.hashes.len());
        bytes.extend(self.old.to_be_bytes());
        bytes.extend(self.new.to_be_bytes());
        bytes.extend(self.hashes.iter().flat_map(TreeHash::as_bytes));
        bytes
    }

    /// The old and the new root that follow, for 0 < old < new. `old_root` is looked at if the old tree is
    /// complete, and else follows too.
    fn roots(&self, old_root: &TreeHash) -> Option<(TreeHash, TreeHash)> {
        let left_out = if self.old.is_power_of_two() { slice::from_ref(old_root) } else { &[] };
        let mut path = left_out.iter().chain(&self.hashes);
        // The names of RFC 9162, section 2.1.4.2.
        let (mut r#fn, mut sn) = (self.old.checked_sub(1)?, self.new.checked_sub(1)?);
        let common = r#fn.trailing_ones();
        (r#fn, sn) = (r#fn >> common, sn >> common);
        let first = *path.next()?;
        let (mut fr, mut sr) = (first, first);
        for c in path {
            if sn == 0 {
                return None;
            }
            if r#fn & 1 == 1 || r#fn == sn {
                fr = TreeHash::of_node(c, &fr);
                sr = TreeHash::of_node(c, &sr);
                while r#fn & 1 == 0 && r#fn != 0 {
                    (r#fn, sn) = (r#fn >> 1, sn >> 1);
                }
            } else {
                sr = TreeHash::of_node(&sr, c);
            }
            (r#fn, sn) = (r#fn >> 1, sn >> 1);
        }
        (sn == 0).then_some((fr, sr))
    }
}

fn check_sizes(old: u64, new: u64) -> Result<(), InvalidForm> {
    check_size("newer size of the log, in leaves", new)?;
    at_most("older size of the log, in leaves", new, old).map(drop)
}

fn same_size(proof: u64, head: &Head) -> Result<(), NotProven> {
    if proof == head.size() { Ok(()) } else { Err(NotProven::OtherSize { proof, head: head.size() }) }
}
