use crate::limits::{MAX_ANIMATED_STICKER_BYTES, MAX_STICKER_BYTES};
use crate::wire::{record, silent};
use crate::{AttachmentPointer, InvalidContent};

record! {
    /// A sticker.
    pub struct Sticker {
        attachment: AttachmentPointer = 1,
        animated: bool = 2,
    }
}

silent!(Sticker);

impl Sticker {
    /// The sticker that `attachment` leads to, and whether it moves.
    ///
    /// # Errors
    /// When it is larger than [`MAX_STICKER_BYTES`], or [`MAX_ANIMATED_STICKER_BYTES`] if it moves, or its
    /// type does not begin with `image/`.
    pub fn new(attachment: AttachmentPointer, animated: bool) -> Result<Self, InvalidContent> {
        Self { attachment, animated }.checked()
    }

    fn checked(self) -> Result<Self, InvalidContent> {
        let limit = if self.animated { MAX_ANIMATED_STICKER_BYTES } else { MAX_STICKER_BYTES };
        self.attachment.is_at_most("sticker", limit)?;
        if !self.attachment.is_of("image/") {
            return Err(InvalidContent::Unfit { field: "sticker.media_type", expected: "a type of image" });
        }
        Ok(self)
    }

    /// Where it is.
    #[must_use]
    pub const fn attachment(&self) -> &AttachmentPointer {
        &self.attachment
    }

    /// Whether it moves.
    #[must_use]
    pub const fn is_animated(&self) -> bool {
        self.animated
    }
}
