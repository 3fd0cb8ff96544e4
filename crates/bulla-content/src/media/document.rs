use crate::limits::{MAX_CAPTION_CHARS, MAX_DOCUMENT_BYTES, MAX_FILENAME_CHARS};
use crate::wire::{optional_text, record, silent};
use crate::{AttachmentPointer, InvalidContent, bounded_text};

record! {
    /// A document of any type, with a caption and the name of its file, or without.
    pub struct Document {
        attachment: AttachmentPointer = 1,
        caption: Option<String> = 2,
        filename: Option<String> = 3,
    }
}

silent!(Document);

impl Document {
    /// The document that `attachment` leads to.
    ///
    /// # Errors
    /// When it is larger than [`MAX_DOCUMENT_BYTES`].
    pub fn new(attachment: AttachmentPointer) -> Result<Self, InvalidContent> {
        Self { attachment, caption: None, filename: None }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        self.attachment.is_at_most("document", MAX_DOCUMENT_BYTES)?;
        bounded_text::optional("document.caption", MAX_CAPTION_CHARS, &mut self.caption)?;
        bounded_text::optional("document.filename", MAX_FILENAME_CHARS, &mut self.filename)?;
        Ok(self)
    }

    /// Where it is.
    #[must_use]
    pub const fn attachment(&self) -> &AttachmentPointer {
        &self.attachment
    }

    optional_text!(caption, with_caption, "What is written below it.", MAX_CAPTION_CHARS);
    optional_text!(
        filename,
        with_filename,
        "The name its author gave it. It is a stranger's word, and no path to write to.",
        MAX_FILENAME_CHARS
    );
}
