use thiserror::Error;

/// An attachment cannot be sealed, or what was fetched is not what a message tells of. Neither key nor
/// content stands in the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AttachmentError {
    /// There is nothing to seal. The caller's move.
    #[error("attachment is empty")]
    Empty,
    /// There is more to seal than may be. The caller's move.
    #[error("attachment has {actual} bytes, more than the {limit} allowed")]
    TooLarge {
        /// How many bytes there are.
        actual: u64,
        /// How many there may be.
        limit: u64,
    },
    /// More bytes came than there are. Of what is to be sealed, its size was said wrong; what was fetched is
    /// not what was sealed.
    #[error("{field} has more than its {expected} bytes")]
    TooLong {
        /// What came: `attachment`, or `sealed attachment`.
        field: &'static str,
        /// How many bytes it has.
        expected: u64,
    },
    /// Bytes are missing at the end; so far there may be nothing wrong.
    #[error("{field} has {actual} of its {expected} bytes")]
    TooShort {
        /// What came: `attachment`, or `sealed attachment`.
        field: &'static str,
        /// How many bytes came.
        actual: u64,
        /// How many it has.
        expected: u64,
    },
    /// The bytes are not those that the message tells of: fetch them again, or say that they are lost.
    #[error("sealed attachment does not have the digest of its message")]
    WrongDigest,
    /// A chunk is not the one that was checked, or does not open under the key of the message. In the latter
    /// case it is its author who sealed or said something else.
    #[error("chunk {index} of {chunks} of a sealed attachment does not open")]
    WrongChunk {
        /// Which, from 0 on.
        index: u32,
        /// How many there are.
        chunks: u32,
    },
    /// Something else than zeros stands behind the plaintext: its author padded it otherwise.
    #[error("chunk {index} of {chunks} of a sealed attachment is not padded with zeros")]
    WrongPadding {
        /// Which chunk, from 0 on.
        index: u32,
        /// How many there are.
        chunks: u32,
    },
    /// The plaintext is not the one whose digest the message says: its author sealed something else.
    #[error("the attachment does not have the digest that its message says of it before it was sealed")]
    WrongPlaintext,
}
