use crate::TreeHash;
use crate::byte_reader::ByteReader;
use crate::error::InvalidForm;
use crate::node::{self, NodeId, check_size, whole_spans};

/// How far the log had grown, and to what: its size and its root.
///
/// What two parties exchange inside sealed content, to find out whether they are shown the same log. A head
/// by itself is signed by nobody: it is the word of whoever sent it, and [`Witness::compare`] takes it as
/// such.
///
/// ```text
///   size   u64, big-endian    8 bytes
///   root   SHA-256           32 bytes
/// ```
///
/// [`Witness::compare`]: crate::Witness::compare
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Head {
    size: u64,
    root: TreeHash,
}

impl Head {
    /// How many bytes the encoded form has.
    pub const BYTES: usize = 40;

    /// The head of a log of `size` leaves with this root.
    ///
    /// # Errors
    /// When `size` is beyond [`MAX_LOG_LEAVES`](crate::MAX_LOG_LEAVES), or 0 with a root other than
    /// [`TreeHash::of_nothing`].
    pub fn new(size: u64, root: TreeHash) -> Result<Self, InvalidForm> {
        check_size("size of the log, in leaves", size)?;
        if size == 0 && root != TreeHash::of_nothing() {
            return Err(InvalidForm::Field { field: "root", expected: "the hash of nothing, for size 0" });
        }
        Ok(Self { size, root })
    }

    /// Puts the head that the log had at `size` together, from the hashes of what [`Head::nodes`] named, in
    /// that order: what a keeper says of the past.
    ///
    /// # Errors
    /// When there are more or fewer of them, or as for [`Head::nodes`].
    pub fn from_nodes(size: u64, nodes: &[TreeHash]) -> Result<Self, InvalidForm> {
        check_size("size of the log, in leaves", size)?;
        let roots = node::hashes(&whole_spans(size), nodes)?;
        Ok(Self { size, root: roots.first().copied().unwrap_or_else(TreeHash::of_nothing) })
    }

    /// Reads the encoded form.
    ///
    /// # Errors
    /// When there are not exactly [`Head::BYTES`], or as for [`Head::new`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let mut reader = ByteReader::of(bytes, "bytes of a head", Self::BYTES)?;
        Self::new(reader.u64()?, TreeHash::from_bytes(reader.array()?))
    }

    /// The nodes that the head at `size` takes: at most 63, and all of them complete once the log has that
    /// size.
    ///
    /// # Errors
    /// When `size` is beyond [`MAX_LOG_LEAVES`](crate::MAX_LOG_LEAVES).
    pub fn nodes(size: u64) -> Result<Vec<NodeId>, InvalidForm> {
        check_size("size of the log, in leaves", size)?;
        Ok(node::nodes(&whole_spans(size)))
    }

    /// That of what was checked already.
    pub(crate) const fn within_limits(size: u64, root: TreeHash) -> Self {
        Self { size, root }
    }

    /// Its size, in leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of its tree.
    #[must_use]
    pub const fn root(&self) -> &TreeHash {
        &self.root
    }

    /// The encoded form.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.size.to_be_bytes());
        bytes[8..].copy_from_slice(self.root.as_bytes());
        bytes
    }
}
