use crate::limits::{MAX_CAPTION_CHARS, MAX_IMAGE_BYTES};
use crate::wire::{optional_text, record, silent};
use crate::{AttachmentPointer, InvalidContent, bounded_text};

record! {
    /// An image, with a caption or without.
    pub struct Image {
        attachment: AttachmentPointer = 1,
        caption: Option<String> = 2,
    }
}

silent!(Image);

impl Image {
    /// The image that `attachment` leads to.
    ///
    /// # Errors
    /// When it is larger than [`MAX_IMAGE_BYTES`], or its type does not begin with `image/`.
    pub fn new(attachment: AttachmentPointer) -> Result<Self, InvalidContent> {
        Self { attachment, caption: None }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        self.attachment.is_at_most("image", MAX_IMAGE_BYTES)?;
        if !self.attachment.is_of("image/") {
            return Err(InvalidContent::Unfit { field: "image.media_type", expected: "a type of image" });
        }
        bounded_text::optional("image.caption", MAX_CAPTION_CHARS, &mut self.caption)?;
        Ok(self)
    }

    /// Where it is.
    #[must_use]
    pub const fn attachment(&self) -> &AttachmentPointer {
        &self.attachment
    }

    optional_text!(caption, with_caption, "What is written below it.", MAX_CAPTION_CHARS);
}
