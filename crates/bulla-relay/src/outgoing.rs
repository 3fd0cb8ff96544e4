use std::fmt;

use bulla_base::{Category, Number};
use bulla_content::{Contacts, Interactive, Location, Text};
use bulla_store::Retention;
use bytes::Bytes;

use crate::{Fallback, MessageRef, OutgoingMedia, OutgoingTemplate, UserId};

/// What a business says to a user.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutgoingBody {
    /// A written message.
    Text(Text),
    /// An emoji on a message of the same conversation; nothing takes it off.
    Reaction {
        /// The message reacted to.
        to: MessageRef,
        /// One emoji, of 1 to [`bulla_content::MAX_EMOJI_BYTES`] bytes.
        emoji: Option<String>,
    },
    /// A place on the map.
    Location(Location),
    /// Contacts that are passed on.
    Contacts(Contacts),
    /// A message that is answered by tapping.
    Interactive(Box<Interactive>),
    /// The same with an image, a video or a document at its top, which the business has uploaded.
    InteractiveWithMedia(Box<Interactive>, OutgoingMedia),
    /// Cards side by side, a [`Carousel`](bulla_content::Carousel), each with an image or a video at its top
    /// that the business has uploaded: as many as there are cards, in their order.
    CarouselWithMedia(Box<Interactive>, Vec<OutgoingMedia>),
    /// An image, a video, an audio, a document or a sticker that the business has uploaded.
    Media(OutgoingMedia),
    /// A template of the business's account, filled in. Its category goes before the message's own.
    Template(Box<OutgoingTemplate>),
}

impl OutgoingBody {
    /// The media that it brings, in the order in which it is shown.
    pub(crate) fn media(&self) -> Vec<OutgoingMedia> {
        match self {
            Self::Media(media) | Self::InteractiveWithMedia(_, media) => vec![media.clone()],
            Self::CarouselWithMedia(_, media) => media.clone(),
            Self::Template(template) => template.media().cloned().collect(),
            _ => Vec::new(),
        }
    }
}

impl fmt::Debug for OutgoingBody {
    /// An emoji prints its length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Self::Reaction { to, emoji } => {
                let bytes = emoji.as_ref().map(String::len);
                f.debug_struct("Reaction").field("to", to).field("emoji_bytes", &bytes).finish()
            }
            Self::Location(location) => f.debug_tuple("Location").field(location).finish(),
            Self::Contacts(contacts) => f.debug_tuple("Contacts").field(contacts).finish(),
            Self::Interactive(interactive) => f.debug_tuple("Interactive").field(interactive).finish(),
            Self::InteractiveWithMedia(interactive, media) => {
                f.debug_tuple("InteractiveWithMedia").field(interactive).field(media).finish()
            }
            Self::CarouselWithMedia(interactive, media) => {
                f.debug_tuple("CarouselWithMedia").field(interactive).field(media).finish()
            }
            Self::Media(media) => f.debug_tuple("Media").field(media).finish(),
            Self::Template(template) => f.debug_tuple("Template").field(template).finish(),
        }
    }
}

/// The user a business writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recipient {
    /// By their number.
    Number(Number),
    /// By the id the business knows them by, as long as a message exchanged with them lives.
    UserId(UserId),
}

impl From<Number> for Recipient {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl From<UserId> for Recipient {
    fn from(user: UserId) -> Self {
        Self::UserId(user)
    }
}

/// A message a business wants sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub(crate) to: Recipient,
    pub(crate) body: OutgoingBody,
    pub(crate) category: Category,
    pub(crate) in_reply_to: Option<MessageRef>,
    pub(crate) tracking: Option<String>,
    pub(crate) idempotency_key: Option<Bytes>,
    pub(crate) tracking_is_key: bool,
    pub(crate) time_to_live: Option<Retention>,
    pub(crate) fallback: Option<Fallback>,
}

impl Outgoing {
    /// Says `body` to the user `to`, as a service message.
    #[must_use]
    pub fn new(to: impl Into<Recipient>, body: OutgoingBody) -> Self {
        Self {
            to: to.into(),
            body,
            category: Category::Service,
            in_reply_to: None,
            tracking: None,
            idempotency_key: None,
            tracking_is_key: false,
            time_to_live: None,
            fallback: None,
        }
    }

    /// What it says, for hosts that look at a message before they submit it.
    #[must_use]
    pub fn into_body(self) -> OutgoingBody {
        self.body
    }

    /// Declares what it is for, by which it is counted and billed. Without it, it is a service message.
    #[must_use]
    pub const fn category(mut self, category: Category) -> Self {
        self.category = category;
        self
    }

    /// Makes it an answer to a message of the same conversation. If that is none, or is not known any more,
    /// the message is sent without the reference: what it says matters more.
    #[must_use]
    pub const fn replying_to(mut self, message: MessageRef) -> Self {
        self.in_reply_to = Some(message);
        self
    }

    /// Attaches a text that comes back with every status of the message, at most
    /// [`MAX_TRACKING_CHARS`](crate::MAX_TRACKING_CHARS).
    #[must_use]
    pub fn tracking(mut self, tracking: impl Into<String>) -> Self {
        self.tracking = Some(tracking.into());
        self
    }

    /// Has it fail if the user's device has not confirmed it after so long. Without it, it lives as long as
    /// [`Settings`](crate::Settings) say of its category.
    ///
    /// The shorter, the less is kept; a device that was off for longer may still show it, if the carrier had
    /// it by then.
    #[must_use]
    pub const fn time_to_live(mut self, time_to_live: Retention) -> Self {
        self.time_to_live = Some(time_to_live);
        self
    }

    /// Has `fallback` go in its place if it is a service message and the user's window is closed when its
    /// turn comes: decided once, in the record that seals it. It goes before the one of the
    /// [rules](crate::Rules::fallback), and as that one does nothing without
    /// [`Rules::service_window`](crate::Rules::service_window). It is counted in its own category, and the
    /// statuses of the message name that.
    #[must_use]
    pub fn fallback(mut self, fallback: Fallback) -> Self {
        self.fallback = Some(fallback);
        self
    }

    /// Has what is [attached](Self::tracking) name the wish to send, as an
    /// [`idempotency_key`](Self::idempotency_key) does, if there is none: for businesses that give each
    /// message a reference of their own. The two do not meet: a reference is no key of the same bytes.
    #[must_use]
    pub const fn tracking_is_key(mut self) -> Self {
        self.tracking_is_key = true;
        self
    }

    /// Names the wish to send: the same message under the same key is answered with the first one's reference
    /// and not sent, for 30 days; another one, or one to another user, is refused. At most
    /// [`MAX_IDEMPOTENCY_BYTES`](crate::MAX_IDEMPOTENCY_BYTES).
    #[must_use]
    pub fn idempotency_key(mut self, idempotency_key: impl Into<Bytes>) -> Self {
        self.idempotency_key = Some(idempotency_key.into());
        self
    }
}

impl fmt::Debug for Outgoing {
    /// What the business attached, and its key, print their lengths.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            to,
            body,
            category,
            in_reply_to,
            tracking,
            idempotency_key,
            tracking_is_key,
            time_to_live,
            fallback,
        } = self;
        f.debug_struct("Outgoing")
            .field("to", to)
            .field("body", body)
            .field("category", category)
            .field("in_reply_to", in_reply_to)
            .field("tracking_bytes", &tracking.as_ref().map(String::len))
            .field("key_bytes", &idempotency_key.as_ref().map(Bytes::len))
            .field("tracking_is_key", tracking_is_key)
            .field("time_to_live", time_to_live)
            .field("fallback", fallback)
            .finish()
    }
}
