use crate::{
    AttachmentPointer, Audio, Contacts, Document, Edit, Image, Interactive, InteractiveReply, Location,
    Order, QuickReply, Reaction, Receipt, RetryRequest, Revoke, Sticker, System, Template, Text, Typing,
    Unsupported, Video, wire,
};

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// A written message.
    Text(Text),
    /// An image.
    Image(Image),
    /// A video.
    Video(Video),
    /// A document.
    Document(Document),
    /// An audio, or a voice message.
    Audio(Audio),
    /// A sticker.
    Sticker(Sticker),
    /// A place on the map.
    Location(Location),
    /// Contacts that are passed on.
    Contacts(Contacts),
    /// A message that is answered by tapping.
    Interactive(Box<Interactive>),
    /// What was tapped of one.
    InteractiveReply(InteractiveReply),
    /// A template, filled in.
    Template(Box<Template>),
    /// What was tapped of one.
    QuickReply(QuickReply),
    /// What a user has put into a cart.
    Order(Order),
    /// An emoji on a message.
    Reaction(Reaction),
    /// A message says something else from now on.
    Edit(Edit),
    /// A message is taken back.
    Revoke(Revoke),
    /// Something has happened that nobody wrote.
    System(System),
    /// How far messages have come.
    Receipt(Receipt),
    /// An answer is being written.
    Typing(Typing),
    /// Please send this message again: it could not be opened.
    RetryRequest(RetryRequest),
    /// Something that this version does not know.
    Unsupported(Unsupported),
}

impl Body {
    /// The name of its kind, by which the API that is served knows it if it does.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Image(_) => "image",
            Self::Video(_) => "video",
            Self::Document(_) => "document",
            Self::Audio(_) => "audio",
            Self::Sticker(_) => "sticker",
            Self::Location(_) => "location",
            Self::Contacts(_) => "contacts",
            Self::Interactive(_) | Self::InteractiveReply(_) => "interactive",
            Self::Template(_) => "template",
            Self::QuickReply(_) => "button",
            Self::Order(_) => "order",
            Self::Reaction(_) => "reaction",
            Self::Edit(_) => "edit",
            Self::Revoke(_) => "revoke",
            Self::System(_) => "system",
            Self::Receipt(_) => "receipt",
            Self::Typing(_) => "typing",
            Self::RetryRequest(_) => "retry_request",
            Self::Unsupported(_) => "unsupported",
        }
    }

    /// Where its attachment is, if it is of a kind that is one: an image, a video, a document, an audio or a
    /// sticker.
    #[must_use]
    pub const fn attachment(&self) -> Option<&AttachmentPointer> {
        match self {
            Self::Image(image) => Some(image.attachment()),
            Self::Video(video) => Some(video.attachment()),
            Self::Document(document) => Some(document.attachment()),
            Self::Audio(audio) => Some(audio.attachment()),
            Self::Sticker(sticker) => Some(sticker.attachment()),
            _ => None,
        }
    }

    /// Whether it is a message: shown to somebody, told of as delivered, and counted. Else it is a signal
    /// between two programs: a receipt, a request to send again, or that somebody is typing.
    #[must_use]
    pub const fn is_message(&self) -> bool {
        wire::is_message(wire::number(self))
    }
}
