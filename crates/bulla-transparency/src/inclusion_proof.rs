use crate::byte_reader::ByteReader;
use crate::error::{InvalidForm, NotProven, at_most};
use crate::node::{self, NodeId, check_size, inclusion_spans};
use crate::{Head, TreeHash};

/// That a leaf stands at its place in a log of some size (RFC 9162, section 2.1.3).
///
/// Whoever keeps the log asks which nodes it takes, reads them wherever they are, and puts it together:
///
/// ```
/// use std::collections::HashMap;
///
/// use bulla_transparency::{CompactRange, InclusionProof, TreeHash};
///
/// let (mut range, mut stored) = (CompactRange::new(), HashMap::new());
/// for leaf in [b"a", b"b", b"c"] {
///     stored.extend(range.append(TreeHash::of_leaf(leaf))?);
/// }
/// let nodes: Vec<_> = InclusionProof::nodes(1, 3)?.iter().map(|node| stored[node]).collect();
/// let proof = InclusionProof::from_nodes(1, 3, &nodes)?;
/// assert_eq!(proof.verify(&TreeHash::of_leaf(b"b"), &range.head()), Ok(()));
/// # Ok::<(), bulla_transparency::InvalidForm>(())
/// ```
///
/// The encoded form has one way to be written: how many hashes there are follows from the numbers.
///
/// ```text
///   index    u64, big-endian    8 bytes    of the leaf, counted from 0
///   size     u64, big-endian    8 bytes    of the log
///   hashes   from the leaf up   32 each    at most 63
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    index: u64,
    size: u64,
    hashes: Vec<TreeHash>,
}

impl InclusionProof {
    /// Puts the proof together for leaf `index` of a log of `size`, from the hashes of what
    /// [`InclusionProof::nodes`] named, in that order.
    ///
    /// # Errors
    /// When there are more or fewer of them, or as for [`InclusionProof::nodes`]. Whether they are the right
    /// ones is seen when it is verified.
    pub fn from_nodes(index: u64, size: u64, nodes: &[TreeHash]) -> Result<Self, InvalidForm> {
        check_place(index, size)?;
        Ok(Self { index, size, hashes: node::hashes(&inclusion_spans(index, size), nodes)? })
    }

    /// Reads the encoded form.
    ///
    /// # Errors
    /// When `size` is beyond [`MAX_LOG_LEAVES`](crate::MAX_LOG_LEAVES), there is no leaf `index` in it, or
    /// there are more or fewer bytes than these two take.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let mut reader = ByteReader::head_of(bytes, "bytes of an inclusion proof", 16)?;
        let (index, size) = (reader.u64()?, reader.u64()?);
        check_place(index, size)?;
        Ok(Self { index, size, hashes: reader.hashes(inclusion_spans(index, size).len())? })
    }

    /// The proof with these hashes, if they are as many as it takes.
    pub(crate) fn from_hashes(index: u64, size: u64, hashes: &[TreeHash]) -> Result<Self, InvalidForm> {
        let (expected, actual) = (Self::hash_count(index, size)?, hashes.len());
        if actual != expected {
            return Err(InvalidForm::Length { field: "hashes of the proof", expected, actual });
        }
        Ok(Self { index, size, hashes: hashes.to_vec() })
    }

    /// How many hashes a proof for leaf `index` of a log of `size` has.
    pub(crate) fn hash_count(index: u64, size: u64) -> Result<usize, InvalidForm> {
        check_place(index, size)?;
        Ok(inclusion_spans(index, size).len())
    }

    /// The nodes that a proof for leaf `index` of a log of `size` takes: at most 126, and all of them
    /// complete once the log has that size.
    ///
    /// # Errors
    /// When `size` is beyond [`MAX_LOG_LEAVES`](crate::MAX_LOG_LEAVES), or there is no leaf `index` in it.
    pub fn nodes(index: u64, size: u64) -> Result<Vec<NodeId>, InvalidForm> {
        check_place(index, size)?;
        Ok(node::nodes(&inclusion_spans(index, size)))
    }

    /// Whether it proves that `leaf` stands at its place in the log with this head.
    ///
    /// A root does not tell how large its tree is: the first leaf of three has a proof that would fit four as
    /// well. So sizes are compared, and a head is believed as a whole or not at all.
    ///
    /// # Errors
    /// When the head is of another size, or another root follows.
    ///
    /// # Cost
    /// At most 63 nodes are hashed; nothing is allocated.
    pub fn verify(&self, leaf: &TreeHash, head: &Head) -> Result<(), NotProven> {
        if self.size != head.size() {
            return Err(NotProven::OtherSize { proof: self.size, head: head.size() });
        }
        // The names of RFC 9162, section 2.1.3.2.
        let (mut r#fn, mut sn, mut r) = (self.index, self.size - 1, *leaf);
        for p in &self.hashes {
            if sn == 0 {
                return Err(NotProven::OtherRoot);
            }
            if r#fn & 1 == 1 || r#fn == sn {
                r = TreeHash::of_node(p, &r);
                while r#fn & 1 == 0 && r#fn != 0 {
                    (r#fn, sn) = (r#fn >> 1, sn >> 1);
                }
            } else {
                r = TreeHash::of_node(&r, p);
            }
            (r#fn, sn) = (r#fn >> 1, sn >> 1);
        }
        if sn == 0 && r == *head.root() { Ok(()) } else { Err(NotProven::OtherRoot) }
    }

    /// The place of the leaf, counted from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The size of the log that it is about.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Its hashes, from the leaf up.
    #[must_use]
    pub fn hashes(&self) -> &[TreeHash] {
        &self.hashes
    }

    /// The encoded form: at most 2,032 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + 32 * self.hashes.len());
        bytes.extend(self.index.to_be_bytes());
        bytes.extend(self.size.to_be_bytes());
        bytes.extend(self.hashes.iter().flat_map(TreeHash::as_bytes));
        bytes
    }
}

fn check_place(index: u64, size: u64) -> Result<(), InvalidForm> {
    check_size("size of the log, in leaves", size)?;
    at_most("leaf index plus one", size, index.saturating_add(1)).map(drop)
}
