use crate::byte_reader::ByteReader;
use crate::error::{InvalidForm, at_most};
use crate::limits::MAX_LOG_LEAVES;
use crate::node::check_size;
use crate::{Head, NodeId, TreeHash};

/// The right edge of the tree: all that appending takes, however large the log is.
///
/// It holds the roots of the complete subtrees that all leaves so far make up, from the largest to the
/// smallest: one for each 1 among the binary digits of the size, so at most 63.
///
/// # Examples
/// ```
/// use bulla_transparency::{CompactRange, TreeHash};
///
/// let mut range = CompactRange::new();
/// let stored = range.append(TreeHash::of_leaf(b"a"))?;
/// assert_eq!(stored, [(stored[0].0, TreeHash::of_leaf(b"a"))]);
/// // The second one completes the node above both.
/// assert_eq!(range.append(TreeHash::of_leaf(b"b"))?.len(), 2);
/// assert_eq!(CompactRange::from_bytes(&range.to_bytes())?, range);
/// # Ok::<(), bulla_transparency::InvalidForm>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: u64,
    /// From the left.
    roots: Vec<TreeHash>,
}

impl CompactRange {
    /// That of a log without leaves.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, roots: Vec::new() }
    }

    /// Reads the encoded form.
    ///
    /// # Errors
    /// When its size is beyond [`MAX_LOG_LEAVES`], or it has another number of roots than that size.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let mut reader = ByteReader::head_of(bytes, "bytes of a compact range", 8)?;
        let size = check_size("size of the log, in leaves", reader.u64()?)?;
        Ok(Self { size, roots: reader.hashes(size.count_ones() as usize)? })
    }

    /// Appends a leaf, and returns the nodes that are complete now and were not before: the leaf itself
    /// first, then what stands above it. They are what a keeper stores, in the same batch as the leaf and
    /// this.
    ///
    /// # Errors
    /// When the log has [`MAX_LOG_LEAVES`] already; nothing is changed then.
    ///
    /// # Cost
    /// One node a leaf is hashed on average, and 63 at most; two hashes are returned on average.
    pub fn append(&mut self, leaf: TreeHash) -> Result<Vec<(NodeId, TreeHash)>, InvalidForm> {
        let index = self.size;
        self.size = at_most("leaves of the log", MAX_LOG_LEAVES, index + 1)?;
        let mut complete = Vec::with_capacity(1 + index.trailing_ones() as usize);
        let (mut level, mut hash) = (0, leaf);
        complete.push((NodeId::new(level, index), hash));
        while index >> level & 1 == 1
            && let Some(left) = self.roots.pop()
        {
            hash = TreeHash::of_node(&left, &hash);
            level += 1;
            complete.push((NodeId::new(level, index >> level), hash));
        }
        self.roots.push(hash);
        Ok(complete)
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The head of the log as it is.
    ///
    /// # Cost
    /// At most 62 nodes are hashed.
    #[must_use]
    pub fn head(&self) -> Head {
        let mut from_the_right = self.roots.iter().rev();
        let root = from_the_right.next().map_or_else(TreeHash::of_nothing, |last| {
            from_the_right.fold(*last, |right, left| TreeHash::of_node(left, &right))
        });
        Head::within_limits(self.size, root)
    }

    /// The encoded form: the size in eight bytes, big-endian, and the roots from the left; at most 2,024
    /// bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 32 * self.roots.len());
        bytes.extend(self.size.to_be_bytes());
        bytes.extend(self.roots.iter().flat_map(TreeHash::as_bytes));
        bytes
    }
}
