use std::fmt;

use bulla_base::{Category, Number, PhoneNumberId, Timestamp};
use bulla_content::{Body, Text};
use bulla_meter::WindowState;

use crate::{MessageRef, Rule};

/// A user, as one business knows them: the same for every message between the two, different for every other
/// business, and not to be traced back to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId([u8; 16]);

impl UserId {
    /// The id with these bytes, as a business hands it back.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The id's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Which conversation an event belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// The business's side.
    pub business: PhoneNumberId,
    /// The user's number.
    pub user: Number,
    /// The user as this business knows them.
    pub user_id: UserId,
    /// The message the event is about.
    pub message: MessageRef,
    /// When it happened, as the relay's clock had it.
    pub at: Timestamp,
}

impl Subject {
    /// The subject of an event, for hosts that test their sinks.
    #[must_use]
    pub const fn new(
        business: PhoneNumberId,
        user: Number,
        user_id: UserId,
        message: MessageRef,
        at: Timestamp,
    ) -> Self {
        Self { business, user, user_id, message, at }
    }
}

/// What a user said.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incoming {
    /// A written message.
    Text {
        /// What was written.
        text: Text,
        /// The message it answers.
        in_reply_to: Option<MessageRef>,
    },
    /// An emoji on a message.
    Reaction {
        /// The message reacted to.
        to: MessageRef,
        /// The emoji; nothing when it was taken off.
        emoji: Option<String>,
    },
    /// Anything else. Messages that it names are named by their ids alone.
    Other {
        /// What it is.
        body: Body,
        /// The message it answers.
        in_reply_to: Option<MessageRef>,
    },
}

impl fmt::Debug for Incoming {
    /// An emoji prints its length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { text, in_reply_to } => {
                f.debug_struct("Text").field("text", text).field("in_reply_to", in_reply_to).finish()
            }
            Self::Reaction { to, emoji } => {
                let bytes = emoji.as_ref().map(String::len);
                f.debug_struct("Reaction").field("to", to).field("emoji_bytes", &bytes).finish()
            }
            Self::Other { body, in_reply_to } => {
                f.debug_struct("Other").field("body", body).field("in_reply_to", in_reply_to).finish()
            }
        }
    }
}

/// How far a message of the business has come. It only ever goes forward.
///
/// Of a reaction only `Sent` is told, or that it failed, as by the API whose clients we serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Status {
    /// The carrier has it.
    Sent,
    /// The user's device has it.
    Delivered,
    /// The user has seen it.
    Read,
    /// It will not arrive.
    Failed(Failure),
}

/// Why a message will not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// The carrier knows no such user, or refuses the message.
    Undeliverable,
    /// Its time to live ended before the device confirmed it.
    Expired,
    /// The user's device could not open it, and it was sent again as often as it ever is
    /// ([`MAX_RESENDS`](bulla_envelope::MAX_RESENDS)).
    NotOpened,
    /// The user had not written within [`SERVICE_WINDOW`](crate::SERVICE_WINDOW), and it was a service
    /// message.
    WindowClosed,
    /// It was more than the [pair rate](crate::Rules::pair_rate) allows.
    PairRate,
    /// It was to one user more than the [messaging limit](crate::Rules::messaging_limit) allows, or the
    /// carrier.
    MessagingLimit,
    /// It was more than the [throughput](crate::Rules::throughput) allows.
    Throughput,
    /// For what the business did before, the carrier lets it write to nobody, or to nobody new.
    Restricted,
    /// The user has got as many messages that promote something as the carrier lets anybody get.
    MarketingLimit,
}

impl From<Rule> for Failure {
    fn from(broken: Rule) -> Self {
        match broken {
            Rule::ServiceWindow => Self::WindowClosed,
            Rule::PairRate => Self::PairRate,
            Rule::MessagingLimit => Self::MessagingLimit,
            Rule::Throughput => Self::Throughput,
        }
    }
}

/// A message of the business has come further.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusUpdate {
    /// How far.
    pub status: Status,
    /// What it was declared as.
    pub category: Category,
    /// What the business attached to it.
    pub tracking: Option<String>,
    /// In which state of the user's window it was sent, where what it is billed as is told: that it was sent,
    /// and then whichever is first, that it was delivered or read. A window counts as open where a rule of
    /// the business keeps it, and else as closed.
    pub billed_in: Option<WindowState>,
}

impl StatusUpdate {
    /// A status update, for hosts that test their sinks.
    #[must_use]
    pub const fn new(status: Status, category: Category, tracking: Option<String>) -> Self {
        Self { status, category, tracking, billed_in: None }
    }

    /// The same, which tells what the message is billed as.
    #[must_use]
    pub fn billed_in(self, window: WindowState) -> Self {
        Self { billed_in: Some(window), ..self }
    }
}

impl fmt::Debug for StatusUpdate {
    /// What the business attached prints its length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, category, tracking, .. } = self;
        let tracking = tracking.as_ref().map(String::len);
        write!(f, "StatusUpdate({status:?}, {category:?}, tracking: {tracking:?} bytes)")
    }
}

/// What the relay tells a business.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "a message is held one at a time, and has left soon")]
pub enum Event {
    /// A user has said something.
    Message(Subject, Incoming),
    /// A message of the business has come further.
    Status(Subject, StatusUpdate),
}

impl Event {
    /// Which conversation and message it is about.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        match self {
            Self::Message(subject, _) | Self::Status(subject, _) => subject,
        }
    }

    /// A name for counters.
    pub(crate) const fn kind_name(&self) -> &'static str {
        match self {
            Self::Message(..) => "message",
            Self::Status(..) => "status",
        }
    }
}
