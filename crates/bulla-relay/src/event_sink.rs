use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::PhoneNumberId;
use thiserror::Error;

use crate::{AccountEvent, Event};

/// The port through which the relay hands events to a business: a webhook, or the host's own handler.
///
/// # For implementors
/// `Ok` means that the business has the event for good: the relay then forgets its content. After an error,
/// and after a crash, the same event comes again; [`Subject::message`](crate::Subject::message) and the kind
/// of event tell which it is. Events of one conversation come one after the other; of different
/// conversations, at once, but no more than [`Settings::events_at_sink`](crate::Settings::events_at_sink)
/// says.
///
/// An implementation that waits for something that may never come ends its waiting: until then the event
/// keeps its place. One that panics fails the event at hand, as with an error of the kind
/// [`SinkErrorKind::Panicked`].
pub trait EventSink: Send + Sync + 'static {
    /// Hands over `event`.
    ///
    /// # Errors
    /// When the business does not have it. The relay tries again, later and later, until the event's time is
    /// over.
    fn forward(&self, event: &Event) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// Hands over what is told of an account, and of no conversation: one after the other of an account.
    ///
    /// The default takes them all, so that nobody hears of them.
    ///
    /// # Errors
    /// When the business does not have it. The relay tries again, later and later, for 30 days.
    fn forward_account(&self, _event: &AccountEvent) -> impl Future<Output = Result<(), SinkError>> + Send {
        async { Ok(()) }
    }

    /// Where `event` goes: what goes to one destination fails and recovers together. As soon as one event has
    /// got there, the relay offers the others that wait for the same destination, instead of letting them
    /// wait to the end.
    ///
    /// The default is a destination for each business. A sink that sends events of several businesses to one
    /// server names that. It is asked only while something fails.
    fn destination(&self, event: &Event) -> Destination {
        Destination::business(event.subject().business)
    }
}

impl<K: EventSink + ?Sized> EventSink for Arc<K> {
    fn forward(&self, event: &Event) -> impl Future<Output = Result<(), SinkError>> + Send {
        (**self).forward(event)
    }

    fn forward_account(&self, event: &AccountEvent) -> impl Future<Output = Result<(), SinkError>> + Send {
        (**self).forward_account(event)
    }

    fn destination(&self, event: &Event) -> Destination {
        (**self).destination(event)
    }
}

/// [`EventSink`] in a form of which there can be a `dyn`: for a host that chooses by configuration, and opens
/// its relay with an `Arc<dyn DynEventSink>`. Every [`EventSink`] is one. Each event costs an allocation
/// more.
pub trait DynEventSink: Send + Sync + 'static {
    /// As [`EventSink::forward`].
    fn forward_boxed<'a>(&'a self, event: &'a Event) -> Forwarding<'a>;

    /// As [`EventSink::forward_account`].
    fn forward_account_boxed<'a>(&'a self, event: &'a AccountEvent) -> Forwarding<'a>;

    /// As [`EventSink::destination`].
    fn destination_of(&self, event: &Event) -> Destination;
}

/// What [`DynEventSink::forward_boxed`] returns.
pub type Forwarding<'a> = Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + 'a>>;

impl<K: EventSink> DynEventSink for K {
    fn forward_boxed<'a>(&'a self, event: &'a Event) -> Forwarding<'a> {
        Box::pin(self.forward(event))
    }

    fn forward_account_boxed<'a>(&'a self, event: &'a AccountEvent) -> Forwarding<'a> {
        Box::pin(self.forward_account(event))
    }

    fn destination_of(&self, event: &Event) -> Destination {
        self.destination(event)
    }
}

impl EventSink for dyn DynEventSink {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        self.forward_boxed(event).await
    }

    async fn forward_account(&self, event: &AccountEvent) -> Result<(), SinkError> {
        self.forward_account_boxed(event).await
    }

    fn destination(&self, event: &Event) -> Destination {
        self.destination_of(event)
    }
}

/// Where events go: equal ones fail and recover together.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Destination(Name);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Name {
    Business(PhoneNumberId),
    Other(Arc<str>),
}

impl Destination {
    /// A destination of the business's own.
    #[must_use]
    pub const fn business(business: PhoneNumberId) -> Self {
        Self(Name::Business(business))
    }

    /// The destination with this name, such as the URL of a server.
    #[must_use]
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        Self(Name::Other(name.into()))
    }
}

impl fmt::Debug for Destination {
    /// A name prints its length: a URL may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Business(business) => write!(f, "Destination({business})"),
            Name::Other(name) => write!(f, "Destination({} bytes)", name.len()),
        }
    }
}

/// What went wrong with an event, as far as an operator's first look goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SinkErrorKind {
    /// There was no way to the business: no address, no connection.
    Unreachable,
    /// The business did not answer in time.
    TimedOut,
    /// The business answered that it does not want the event, or has not shown that it may have it.
    Refused,
    /// The business answered that something is wrong on its side.
    Unavailable,
    /// The sink has panicked. The host's move.
    Panicked,
    /// Anything else.
    Other,
}

impl SinkErrorKind {
    /// A name for logs and counters, such as `timed_out`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Panicked => "panicked",
            Self::Other => "other",
        }
    }
}

/// The business does not have the event. Its move.
#[derive(Debug, Error)]
#[error("the business did not take the event")]
pub struct SinkError {
    kind: SinkErrorKind,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    retry_after: Option<Duration>,
}

impl SinkError {
    /// It was not taken, because of `source`: an error of the kind [`SinkErrorKind::Other`].
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind: SinkErrorKind::Other, source: Some(source.into()), retry_after: None }
    }

    /// The sink has panicked; the panic's own message says why.
    pub(crate) const fn panicked() -> Self {
        Self { kind: SinkErrorKind::Panicked, source: None, retry_after: None }
    }

    /// Says what kind of error it is. The host hears of the first failure of a destination, and of each that
    /// is of another kind.
    #[must_use]
    pub const fn with_kind(mut self, kind: SinkErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// The business asks not to be tried again for so long.
    #[must_use]
    pub const fn with_retry_after(mut self, span: Duration) -> Self {
        self.retry_after = Some(span);
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> SinkErrorKind {
        self.kind
    }

    /// How long the business asks to be left alone.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{MessageId, Number, SeededRng, Timestamp};
    use futures_util::FutureExt;

    use super::*;
    use crate::{Failure, MessageRef, Status, StatusUpdate, Subject, UserId};

    /// Takes what did not fail, all at one destination.
    struct TakesSuccesses;

    impl EventSink for TakesSuccesses {
        async fn forward(&self, event: &Event) -> Result<(), SinkError> {
            match event {
                Event::Status(_, update) if matches!(update.status, Status::Failed(_)) => {
                    Err(SinkError::new("it failed").with_kind(SinkErrorKind::Refused))
                }
                _ => Ok(()),
            }
        }

        fn destination(&self, _: &Event) -> Destination {
            Destination::named("one for all")
        }
    }

    #[test]
    fn a_boxed_sink_answers_as_the_sink_itself() {
        let boxed: Arc<dyn DynEventSink> = Arc::new(TakesSuccesses);
        let event = |status| {
            let message = MessageId::new(Timestamp::from_millis(0), &SeededRng::new(1));
            let message =
                MessageRef::from_bytes([*message.as_bytes(), [2; 16]].concat().try_into().unwrap()).unwrap();
            let user = Number::parse("16505551234").unwrap();
            let (id, at) = (UserId::from_bytes([2; 16]), Timestamp::from_millis(0));
            let subject = Subject::new(PhoneNumberId::new(7), user, id, message, at);
            Event::Status(subject, StatusUpdate::new(status, bulla_base::Category::Service, None))
        };
        let failed = event(Status::Failed(Failure::Expired));
        assert!(EventSink::forward(&boxed, &event(Status::Sent)).now_or_never().unwrap().is_ok());
        let error = EventSink::forward(&boxed, &failed).now_or_never().unwrap().unwrap_err();
        assert_eq!(error.kind(), SinkErrorKind::Refused);
        assert_eq!(EventSink::destination(&boxed, &failed), Destination::named("one for all"));
    }
}
