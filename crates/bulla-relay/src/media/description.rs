use std::fmt;

use bulla_content::InvalidContent;
use bulla_content::attachment::{AttachmentKey, AttachmentPointer};

/// What is known of media without looking into it.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaDescription {
    media_type: String,
    size: u64,
    sha256: [u8; 32],
    animated: bool,
}

impl MediaDescription {
    /// Media of `size` bytes and the type `media_type`, such as `image/png`, whose SHA-256 is `sha256`.
    ///
    /// # Errors
    /// When it is empty, larger than [`MAX_DOCUMENT_BYTES`](bulla_content::limits::MAX_DOCUMENT_BYTES), or
    /// the type is none or too long.
    pub fn new(media_type: impl Into<String>, size: u64, sha256: [u8; 32]) -> Result<Self, InvalidContent> {
        let described = Self { media_type: media_type.into(), size, sha256, animated: false };
        described.stand_in()?;
        Ok(described)
    }

    /// Says whether it is a picture that moves: as a sticker it may then be larger.
    #[must_use]
    pub const fn animated(mut self, animated: bool) -> Self {
        self.animated = animated;
        self
    }

    /// What it is.
    #[must_use]
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The SHA-256 of its bytes.
    #[must_use]
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Whether it is a picture that moves.
    #[must_use]
    pub const fn is_animated(&self) -> bool {
        self.animated
    }

    /// A pointer that leads nowhere: with it everything that a message says can be checked before anything is
    /// sealed, and two messages of the same media say the same.
    pub(crate) fn stand_in(&self) -> Result<AttachmentPointer, InvalidContent> {
        let key = AttachmentKey::from_bytes([0; 32]);
        AttachmentPointer::new("media", key, self.sha256, self.size, self.media_type.clone())
    }
}

impl fmt::Debug for MediaDescription {
    /// What a digest leads to can be guessed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { media_type, size, sha256: _, animated } = self;
        write!(f, "MediaDescription({media_type}, {size} bytes, animated: {animated})")
    }
}
