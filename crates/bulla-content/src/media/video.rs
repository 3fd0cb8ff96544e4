use crate::limits::{MAX_CAPTION_CHARS, MAX_VIDEO_BYTES};
use crate::wire::{optional_text, record, silent};
use crate::{AttachmentPointer, InvalidContent, bounded_text};

record! {
    /// A video, with a caption or without.
    pub struct Video {
        attachment: AttachmentPointer = 1,
        caption: Option<String> = 2,
    }
}

silent!(Video);

impl Video {
    /// The video that `attachment` leads to.
    ///
    /// # Errors
    /// When it is larger than [`MAX_VIDEO_BYTES`], or its type does not begin with `video/`.
    pub fn new(attachment: AttachmentPointer) -> Result<Self, InvalidContent> {
        Self { attachment, caption: None }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        self.attachment.is_at_most("video", MAX_VIDEO_BYTES)?;
        if !self.attachment.is_of("video/") {
            return Err(InvalidContent::Unfit { field: "video.media_type", expected: "a type of video" });
        }
        bounded_text::optional("video.caption", MAX_CAPTION_CHARS, &mut self.caption)?;
        Ok(self)
    }

    /// Where it is.
    #[must_use]
    pub const fn attachment(&self) -> &AttachmentPointer {
        &self.attachment
    }

    optional_text!(caption, with_caption, "What is written below it.", MAX_CAPTION_CHARS);
}
