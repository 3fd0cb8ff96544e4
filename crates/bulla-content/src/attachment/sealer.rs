use std::fmt;

use bulla_base::Rng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::chunk_cipher::ChunkCipher;
use super::chunk_layout::ChunkLayout;
use super::{AttachmentError, AttachmentKey, AttachmentPointer};
use crate::InvalidContent;

/// Seals an attachment chunk by chunk: plaintext in, sealed bytes out.
///
/// Its size is said before: so what is too large is refused before it is read, and a carrier can be told how
/// much will come.
pub struct Sealer {
    key: AttachmentKey,
    cipher: ChunkCipher,
    layout: ChunkLayout,
    digest: Sha256,
    plaintext_digest: Sha256,
    /// The chunk that is being filled, or that was given out last. It never grows.
    chunk: Zeroizing<Vec<u8>>,
    is_given_out: bool,
    next: u32,
    taken: u64,
}

impl Sealer {
    /// For an attachment of `size` bytes, with a fresh key from `rng`.
    ///
    /// # Errors
    /// When `size` is 0 or more than [`MAX_ATTACHMENT_BYTES`](crate::limits::MAX_ATTACHMENT_BYTES).
    pub fn new(size: u64, rng: &dyn Rng) -> Result<Self, AttachmentError> {
        let layout = ChunkLayout::new(size)?;
        let key = AttachmentKey::new(rng);
        Ok(Self {
            cipher: ChunkCipher::new(&key, layout),
            key,
            layout,
            digest: Sha256::new(),
            plaintext_digest: Sha256::new(),
            chunk: Zeroizing::new(Vec::with_capacity(layout.sealed_chunk_bytes(0))),
            is_given_out: false,
            next: 0,
            taken: 0,
        })
    }

    /// How many sealed bytes there will be in all.
    #[must_use]
    pub fn sealed_bytes(&self) -> u64 {
        self.layout.sealed_bytes()
    }

    /// Takes from the front of `plaintext` what there is room for, and gives the next sealed chunk when it is
    /// full. When it gives none, `plaintext` is empty: call it until then. After the last byte of the
    /// plaintext come the chunks that have its end and the padding.
    ///
    /// # Errors
    /// When `plaintext` goes beyond the size that was said; nothing of it is taken.
    pub fn push(&mut self, plaintext: &mut &[u8]) -> Result<Option<&[u8]>, AttachmentError> {
        if plaintext.len() as u64 > self.layout.size() - self.taken {
            return Err(AttachmentError::TooLong { field: "attachment", expected: self.layout.size() });
        }
        if self.is_given_out {
            self.chunk.clear();
            self.is_given_out = false;
        }
        let room = self.layout.plaintext_chunk_bytes(self.next) - self.chunk.len();
        let (taken, rest) = plaintext.split_at(room.min(plaintext.len()));
        self.chunk.extend_from_slice(taken);
        self.plaintext_digest.update(taken);
        self.taken += taken.len() as u64;
        *plaintext = rest;
        if taken.len() < room || self.next == self.layout.chunks() {
            return Ok(None);
        }
        self.chunk.resize(self.layout.padded_chunk_bytes(self.next), 0);
        self.cipher.seal(self.next, &mut self.chunk)?;
        self.digest.update(&*self.chunk);
        self.next += 1;
        self.is_given_out = true;
        Ok(Some(&self.chunk))
    }

    /// What the message has to say of the attachment.
    ///
    /// # Errors
    /// When not all of the plaintext was pushed, or not all of the chunks were asked for.
    pub fn finish(self) -> Result<Sealed, AttachmentError> {
        let too_short = |field, actual, expected| {
            if actual < expected {
                Err(AttachmentError::TooShort { field, actual, expected })
            } else {
                Ok(())
            }
        };
        too_short("attachment", self.taken, self.layout.size())?;
        let given_out = self.layout.sealed_bytes_of(self.next);
        too_short("sealed attachment", given_out, self.layout.sealed_bytes())?;
        let plaintext_digest = self.plaintext_digest.finalize().into();
        let (digest, size) = (self.digest.finalize().into(), self.layout.size());
        Ok(Sealed { key: self.key, digest, plaintext_digest, size })
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({} of {} bytes)", self.taken, self.layout.size())
    }
}

/// What opens an attachment that was sealed, and what it is known by.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    key: AttachmentKey,
    digest: [u8; 32],
    plaintext_digest: [u8; 32],
    size: u64,
}

impl Sealed {
    /// The key it is sealed under.
    #[must_use]
    pub const fn key(&self) -> &AttachmentKey {
        &self.key
    }

    /// The SHA-256 of what is sealed.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The SHA-256 of what it was before it was sealed.
    #[must_use]
    pub const fn plaintext_digest(&self) -> &[u8; 32] {
        &self.plaintext_digest
    }

    /// How many bytes it had before it was sealed.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// What a message says of it, when the carrier knows it as `locator` and it is of the type `media_type`.
    ///
    /// # Errors
    /// As [`AttachmentPointer::new`].
    pub fn pointer(
        self,
        locator: impl Into<String>,
        media_type: impl Into<String>,
    ) -> Result<AttachmentPointer, InvalidContent> {
        let pointer = AttachmentPointer::new(locator, self.key, self.digest, self.size, media_type)?;
        Ok(pointer.with_plaintext_digest(self.plaintext_digest))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.size)
    }
}
