use std::fmt;

use sha2::{Digest, Sha256};

use super::chunk_layout::ChunkLayout;
use super::opener::Opener;
use super::{AttachmentError, AttachmentKey, AttachmentPointer};

/// Checks that sealed bytes are those that a message tells of, before anything of them is opened.
///
/// The caller keeps what it pushes, as sealed as it came, and hands it to the [`Opener`] afterwards.
pub struct Checker {
    key: AttachmentKey,
    expected: [u8; 32],
    plaintext: Option<[u8; 32]>,
    layout: ChunkLayout,
    digest: Sha256,
    /// The digests of all that came up to the end of each chunk.
    prefixes: Vec<[u8; 32]>,
    received: u64,
}

impl Checker {
    /// For the attachment that `pointer` leads to.
    #[must_use]
    pub fn new(pointer: &AttachmentPointer) -> Self {
        let layout = ChunkLayout::within_limits(pointer.size());
        Self {
            key: pointer.key().clone(),
            expected: *pointer.digest(),
            plaintext: pointer.plaintext_digest().copied(),
            layout,
            digest: Sha256::new(),
            prefixes: Vec::with_capacity(layout.chunks() as usize),
            received: 0,
        }
    }

    /// How many sealed bytes there are in all. Nobody need fetch more.
    #[must_use]
    pub fn sealed_bytes(&self) -> u64 {
        self.layout.sealed_bytes()
    }

    /// Takes the next bytes, as many or few as there are.
    ///
    /// # Errors
    /// When there are more of them than [`sealed_bytes`](Self::sealed_bytes); [`finish`](Self::finish) will
    /// say it again.
    pub fn push(&mut self, sealed: &[u8]) -> Result<(), AttachmentError> {
        let mut rest = sealed;
        while !rest.is_empty() {
            let Ok(index) = u32::try_from(self.prefixes.len()) else { break };
            if index == self.layout.chunks() {
                break;
            }
            let end = self.layout.sealed_bytes_of(index + 1);
            let missing = usize::try_from(end - self.received).unwrap_or(usize::MAX);
            let (taken, behind) = rest.split_at(missing.min(rest.len()));
            self.digest.update(taken);
            self.received += taken.len() as u64;
            if self.received == end {
                self.prefixes.push(self.digest.clone().finalize().into());
            }
            rest = behind;
        }
        self.received = self.received.saturating_add(rest.len() as u64);
        self.not_too_long()
    }

    /// What opens the attachment, now that its bytes are known to be the right ones.
    ///
    /// # Errors
    /// When bytes are missing, when too many came, or when they have another digest than the message says.
    pub fn finish(self) -> Result<Opener, AttachmentError> {
        self.not_too_long()?;
        let (actual, expected) = (self.received, self.layout.sealed_bytes());
        if actual < expected {
            return Err(AttachmentError::TooShort { field: "sealed attachment", actual, expected });
        }
        if self.prefixes.last() != Some(&self.expected) {
            return Err(AttachmentError::WrongDigest);
        }
        Ok(Opener::new(&self.key, self.layout, self.prefixes, self.plaintext))
    }

    fn not_too_long(&self) -> Result<(), AttachmentError> {
        let expected = self.layout.sealed_bytes();
        if self.received > expected {
            return Err(AttachmentError::TooLong { field: "sealed attachment", expected });
        }
        Ok(())
    }
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checker({} of {} sealed bytes)", self.received, self.layout.sealed_bytes())
    }
}
