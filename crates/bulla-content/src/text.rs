use std::fmt;

use crate::wire::record;
use crate::{InvalidContent, MAX_TEXT_CHARS, bounded_text};

record! {
    /// A written message, 1 to [`MAX_TEXT_CHARS`] characters.
    ///
    /// A NUL (U+0000) in it becomes U+FFFD, the replacement character, whoever wrote it: databases and
    /// programs behind a webhook refuse a text with a NUL or cut it there, and a message is not to be lost
    /// for one character nobody sees. All other characters stay as they are. So it is with all texts in this
    /// crate.
    pub struct Text {
        body: String = 1,
        preview_url: bool = 2,
    }
}

impl Text {
    /// The text `body`.
    ///
    /// # Errors
    /// When `body` is empty or longer than [`MAX_TEXT_CHARS`] characters.
    pub fn new(body: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { body: body.into(), preview_url: false }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("text", MAX_TEXT_CHARS, &mut self.body)?;
        Ok(self)
    }

    /// Asks the receiving device to show a preview of the first link.
    #[must_use]
    pub fn with_preview_url(mut self, preview_url: bool) -> Self {
        self.preview_url = preview_url;
        self
    }

    /// What was written.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Whether a preview of the first link is asked for.
    #[must_use]
    pub const fn preview_url(&self) -> bool {
        self.preview_url
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { body, preview_url: _ } = self;
        write!(f, "Text({} bytes)", body.len())
    }
}
