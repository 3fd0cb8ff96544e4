use crate::limits::MAX_HEADER_CHARS;
use crate::wire::{choice, record, silent, text};
use crate::{Document, Image, InvalidContent, Location, Video, bounded_text};

choice! {
    /// What stands above the body of a message.
    pub enum Header {
        /// Words.
        Text(HeaderText) = 1,
        /// An image.
        Image(Image) = 2,
        /// A video.
        Video(Video) = 3,
        /// A document.
        Document(Document) = 4,
        /// A place: of templates alone.
        Location(Location) = 5,
    }
}

record! {
    /// A header of words.
    pub struct HeaderText {
        text: String = 1,
    }
}

silent!(HeaderText);

/// What a header is.
#[derive(Clone, Copy)]
pub(crate) enum HeaderKind {
    Text,
    Media,
    Location,
}

impl Header {
    pub(crate) const fn kind(&self) -> HeaderKind {
        match self {
            Self::Text(_) => HeaderKind::Text,
            Self::Image(_) | Self::Video(_) | Self::Document(_) => HeaderKind::Media,
            Self::Location(_) => HeaderKind::Location,
        }
    }
}

impl HeaderText {
    /// The words `text`.
    ///
    /// # Errors
    /// When they are empty or longer than [`MAX_HEADER_CHARS`].
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { text: text.into() }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("header.text", MAX_HEADER_CHARS, &mut self.text)?;
        Ok(self)
    }

    text!(text, "The words.");
}
