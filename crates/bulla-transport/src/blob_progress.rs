use std::fmt;

use bytes::Bytes;

use crate::BlobSize;

/// How far an upload has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobProgress {
    stored: u64,
    size: BlobSize,
}

impl BlobProgress {
    /// `stored` bytes of a blob of `size` are durable.
    #[must_use]
    pub fn new(stored: u64, size: BlobSize) -> Self {
        Self { stored: stored.min(size.bytes()), size }
    }

    /// So many bytes are durable, from the first on: where the upload goes on.
    #[must_use]
    pub const fn stored(self) -> u64 {
        self.stored
    }

    /// How large it is.
    #[must_use]
    pub const fn size(self) -> BlobSize {
        self.size
    }

    /// Whether all of it is there.
    #[must_use]
    pub const fn is_complete(self) -> bool {
        self.stored == self.size.bytes()
    }
}

/// Bytes of a blob.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobPart {
    /// How large the whole blob is, in bytes.
    pub size: u64,
    /// The bytes.
    pub bytes: Bytes,
}

impl BlobPart {
    /// These bytes of a blob of `size`.
    #[must_use]
    pub const fn new(size: u64, bytes: Bytes) -> Self {
        Self { size, bytes }
    }
}

impl fmt::Debug for BlobPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobPart({} of {} bytes)", self.bytes.len(), self.size)
    }
}
