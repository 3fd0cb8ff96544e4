//! In which span something happens: ids alone, never a number, a text or a name.
//!
//! They are of the level of warnings, so that a warning says what it is about also to an operator who asked
//! for no more.

use std::fmt;

use bulla_base::{MessageId, Partition, PhoneNumberId};
use tracing::Span;
use tracing::field::{Empty, display};

use super::conversation::Conversation;

/// What is done for the host, perhaps about one business.
pub(super) fn call(task: &'static str, business: Option<PhoneNumberId>) -> Span {
    let span = tracing::warn_span!("relay", task, business = Empty, conversation = Empty);
    if let Some(business) = business {
        span.record("business", display(business));
    }
    span
}

/// What the relay does of itself, for as long as it runs. Not within the span of whoever happened to open it.
pub(super) fn task(task: &'static str) -> Span {
    tracing::warn_span!(parent: None, "relay", task)
}

/// Says which user's conversation it is that something is done about.
pub(super) fn is_with(user: Partition) {
    Span::current().record("conversation", display(Tag(user)));
}

/// What the relay does for a business, or one conversation of it, for as long as there is something to do.
pub(super) fn of(business: PhoneNumberId, conversation: Option<Conversation>) -> Span {
    // Not within that of whoever happened to start it.
    let task = if conversation.is_some() { "keep pumping" } else { "keep receiving" };
    let span = tracing::warn_span!(parent: None, "relay", task, %business, conversation = Empty);
    if let Some(conversation) = conversation {
        span.record("conversation", display(Tag(conversation.user)));
    }
    span
}

/// What is done about one message of a conversation. Which, may turn out later.
pub(super) fn about(task: &'static str, conversation: Conversation, message: Option<MessageId>) -> Span {
    let (business, user) = (conversation.business, Tag(conversation.user));
    let span = tracing::warn_span!("message", task, %business, conversation = %user, message = Empty);
    if let Some(message) = message {
        span.record("message", display(message));
    }
    span
}

/// Says which message it is that something is done about.
pub(super) fn is_about(message: MessageId) {
    Span::current().record("message", display(message));
}

/// What a conversation is called in a trace: the start of its user's tag, which nobody can lead back to the
/// number without the pepper.
pub(super) struct Tag(pub(super) Partition);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_bytes().iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_called_by_the_first_four_bytes_of_its_tag() {
        let tag = Tag(Partition::from_bytes([0x0a, 1, 2, 0xff, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]));
        assert_eq!(tag.to_string(), "0a0102ff");
    }
}
