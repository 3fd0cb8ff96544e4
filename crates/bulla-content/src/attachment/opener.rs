use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::chunk_cipher::ChunkCipher;
use super::chunk_layout::ChunkLayout;
use super::{AttachmentError, AttachmentKey};

/// Opens an attachment chunk by chunk: sealed bytes in, plaintext out.
///
/// It comes from a [`Checker`](super::Checker) that has seen the same bytes and found their digest right, and
/// opens no others. So what it gives may be shown as it comes.
pub struct Opener {
    cipher: ChunkCipher,
    layout: ChunkLayout,
    digest: Sha256,
    /// What the digest has to be at the end of each chunk.
    prefixes: Vec<[u8; 32]>,
    /// The digest of the plaintext so far, and what it has to be at its end, if the message says.
    plaintext: Option<(Sha256, [u8; 32])>,
    /// The chunk that is being filled, or that was given out last. It never grows.
    chunk: Zeroizing<Vec<u8>>,
    is_given_out: bool,
    next: u32,
    /// Why nothing is opened any more.
    failure: Option<AttachmentError>,
}

impl Opener {
    pub(super) fn new(
        key: &AttachmentKey,
        layout: ChunkLayout,
        prefixes: Vec<[u8; 32]>,
        plaintext: Option<[u8; 32]>,
    ) -> Self {
        Self {
            cipher: ChunkCipher::new(key, layout),
            layout,
            digest: Sha256::new(),
            prefixes,
            plaintext: plaintext.map(|expected| (Sha256::new(), expected)),
            chunk: Zeroizing::new(Vec::with_capacity(layout.sealed_chunk_bytes(0))),
            is_given_out: false,
            next: 0,
            failure: None,
        }
    }

    /// How many bytes of plaintext there will be in all.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.layout.size()
    }

    /// Takes from the front of `sealed` what there is room for, and gives the plaintext of the next chunk
    /// when all of it is there. When it gives none, `sealed` is empty: call it until then.
    ///
    /// # Errors
    /// When a chunk is not the one that was checked, does not open under the key of the message or is padded
    /// with something else than zeros, when there are more bytes than were sealed, or when the plaintext does
    /// not have the digest that the message says: then its last piece is not given. From then on it says the
    /// same again.
    pub fn push(&mut self, sealed: &mut &[u8]) -> Result<Option<&[u8]>, AttachmentError> {
        match self.next_plaintext_bytes(sealed) {
            Ok(length) => Ok(length.map(|length| &self.chunk[..length])),
            Err(failure) => {
                self.chunk.zeroize();
                self.failure = Some(failure);
                Err(failure)
            }
        }
    }

    /// Makes sure that nothing is missing.
    ///
    /// # Errors
    /// When not all was pushed, or something was wrong with it.
    pub fn finish(self) -> Result<(), AttachmentError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let begun = if self.is_given_out { 0 } else { self.chunk.len() as u64 };
        let actual = self.layout.sealed_bytes_of(self.next) + begun;
        let expected = self.layout.sealed_bytes();
        if actual < expected {
            return Err(AttachmentError::TooShort { field: "sealed attachment", actual, expected });
        }
        Ok(())
    }

    /// Opens the next chunk that has plaintext in it, and says how much.
    fn next_plaintext_bytes(&mut self, sealed: &mut &[u8]) -> Result<Option<usize>, AttachmentError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        loop {
            if self.is_given_out {
                self.chunk.clear();
                self.is_given_out = false;
            }
            if sealed.is_empty() {
                return Ok(None);
            }
            if self.next == self.layout.chunks() {
                let expected = self.layout.sealed_bytes();
                return Err(AttachmentError::TooLong { field: "sealed attachment", expected });
            }
            let room = self.layout.sealed_chunk_bytes(self.next) - self.chunk.len();
            let (taken, rest) = sealed.split_at(room.min(sealed.len()));
            self.chunk.extend_from_slice(taken);
            *sealed = rest;
            if taken.len() < room {
                return Ok(None);
            }
            let length = self.open_chunk()?;
            self.is_given_out = true;
            self.next += 1;
            if length > 0 {
                return Ok(Some(length));
            }
        }
    }

    /// Opens the chunk that is there, and says how much of it is plaintext.
    fn open_chunk(&mut self) -> Result<usize, AttachmentError> {
        let (index, chunks) = (self.next, self.layout.chunks());
        self.digest.update(&*self.chunk);
        let prefix: [u8; 32] = self.digest.clone().finalize().into();
        if self.prefixes.get(index as usize) != Some(&prefix) {
            return Err(self.cipher.wrong(index));
        }
        self.cipher.open(index, &mut self.chunk)?;
        let length = self.layout.plaintext_chunk_bytes(index);
        if self.chunk[length..].iter().any(|byte| *byte != 0) {
            return Err(AttachmentError::WrongPadding { index, chunks });
        }
        self.compare_plaintext(length)?;
        Ok(length)
    }

    /// Takes the `length` bytes of plaintext that were opened into its digest, and compares that before the
    /// last of them are given out.
    fn compare_plaintext(&mut self, length: usize) -> Result<(), AttachmentError> {
        let Some((digest, expected)) = &mut self.plaintext else { return Ok(()) };
        digest.update(&self.chunk[..length]);
        let is_last = self.layout.plaintext_chunk_bytes(self.next + 1) == 0;
        if length > 0 && is_last && digest.clone().finalize()[..] != expected[..] {
            return Err(AttachmentError::WrongPlaintext);
        }
        Ok(())
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opener({} of {} chunks)", self.next, self.layout.chunks())
    }
}
