use crate::limits::{MAX_DOCUMENT_BYTES, MAX_LOCATOR_CHARS, MAX_MEDIA_TYPE_CHARS};
use crate::wire::{record, silent, text};
use crate::{AttachmentKey, InvalidContent, bounded_text};

record! {
    /// Where sealed bytes are found, and what opens them: what a message says of its image, document and so
    /// on.
    ///
    /// The digest stands in the message, so whoever reports it also proves what was attached.
    pub struct AttachmentPointer {
        locator: String = 1,
        key: AttachmentKey = 2,
        digest: [u8; 32] = 3,
        size: u64 = 4,
        media_type: String = 5,
        plaintext_digest: Option<[u8; 32]> = 6,
    }
}

silent!(AttachmentPointer);

impl AttachmentPointer {
    /// What the carrier knows as `locator`, sealed under `key`; the SHA-256 of what is sealed is `digest`.
    /// Before it was sealed it had `size` bytes, of the type `media_type`, such as `audio/ogg; codecs=opus`.
    ///
    /// # Errors
    /// When `locator` is empty, longer than [`MAX_LOCATOR_CHARS`] or has something else in it than printable
    /// ASCII, when `size` is 0 or more than [`MAX_DOCUMENT_BYTES`], or when `media_type` is none, or longer
    /// than [`MAX_MEDIA_TYPE_CHARS`].
    pub fn new(
        locator: impl Into<String>,
        key: AttachmentKey,
        digest: [u8; 32],
        size: u64,
        media_type: impl Into<String>,
    ) -> Result<Self, InvalidContent> {
        let (locator, media_type) = (locator.into(), media_type.into());
        Self { locator, key, digest, size, media_type, plaintext_digest: None }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("attachment.locator", MAX_LOCATOR_CHARS, &mut self.locator)?;
        if !self.locator.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidContent::Unfit { field: "attachment.locator", expected: "printable ASCII" });
        }
        if self.size == 0 {
            return Err(InvalidContent::Empty { field: "attachment" });
        }
        self.is_at_most("attachment", MAX_DOCUMENT_BYTES)?;
        bounded_text::filled("attachment.media_type", MAX_MEDIA_TYPE_CHARS, &mut self.media_type)?;
        if !is_media_type(&self.media_type) {
            let expected = "a type and a subtype with a slash between them";
            return Err(InvalidContent::Unfit { field: "attachment.media_type", expected });
        }
        Ok(self)
    }

    /// Says the SHA-256 of what it was before it was sealed.
    #[must_use]
    pub const fn with_plaintext_digest(mut self, digest: [u8; 32]) -> Self {
        self.plaintext_digest = Some(digest);
        self
    }

    text!(locator, "The name by which the carrier knows it.");

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

    /// How many bytes it had before it was sealed.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    text!(media_type, "What it is, by its author's word: nothing has looked.");

    /// The SHA-256 of what it was before it was sealed, which is compared when it is opened. Nothing when its
    /// author is of a version that did not say it.
    #[must_use]
    pub const fn plaintext_digest(&self) -> Option<&[u8; 32]> {
        self.plaintext_digest.as_ref()
    }

    pub(crate) fn is_at_most(&self, field: &'static str, limit: u64) -> Result<(), InvalidContent> {
        let count = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        InvalidContent::at_most(field, "bytes", count(limit), count(self.size))
    }

    /// Whether its type begins with `family`, as in `image/`, in letters of either case.
    pub(crate) fn is_of(&self, family: &str) -> bool {
        self.media_type.get(..family.len()).is_some_and(|start| start.eq_ignore_ascii_case(family))
    }
}

/// Type, slash and subtype, and perhaps parameters behind a semicolon.
fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let (name, parameters) = text.split_once(';').unwrap_or((text, ""));
    let is_printable = parameters.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    is_printable && name.trim_end().split_once('/').is_some_and(|(kind, sub)| is_name(kind) && is_name(sub))
}
