//! In which span something happens: ids and keyed tags alone, never a number or a text.
//!
//! They are of the level of warnings, so that a warning says what it is about also to an operator who asked
//! for no more.

use bulla_base::{MessageId, Partition, Party, PhoneNumberId};
use bulla_envelope::Envelope;
use tracing::Span;
use tracing::field::{Empty, display};

/// What the device does of itself, for as long as it runs. Not within the span of whoever happened to open
/// it.
pub(super) fn task(task: &'static str, home: Partition) -> Span {
    tracing::warn_span!(parent: None, "device", task, conversation = %home.tag())
}

/// What the device whose user's partition is `home` does, perhaps about a business.
pub(super) fn of(task: &'static str, home: Partition, business: Option<PhoneNumberId>) -> Span {
    let (conversation, message) = (home.tag(), Empty);
    let span = tracing::warn_span!("device", task, business = Empty, %conversation, message);
    if let Some(business) = business {
        span.record("business", display(business));
    }
    span
}

/// What the device does about `envelope`, which comes from a business or goes to one.
pub(super) fn about(task: &'static str, home: Partition, envelope: &Envelope) -> Span {
    let business = [envelope.from(), envelope.to()].into_iter().find_map(|address| match address.party() {
        Party::Business(business) => Some(*business),
        _ => None,
    });
    let span = of(task, home, business);
    span.record("message", display(envelope.id()));
    span
}

/// Says which message it is that something is done about.
pub(super) fn is_about(message: MessageId) {
    Span::current().record("message", display(message));
}
