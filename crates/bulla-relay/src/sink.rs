use std::time::Duration;

use thiserror::Error;

use crate::Event;

/// The port through which the relay hands events to a business: a webhook, or the host's own handler.
///
/// # For implementors
/// `Ok` means that the business has the event for good: the relay then forgets its content. After an error, and after a crash, the same
/// event comes again; [`Subject::message`](crate::Subject::message) and the kind of event tell which it is. Events of one conversation
/// come one after the other; of different conversations, at once.
pub trait Sink: Send + Sync + 'static {
    /// Hands over `event`.
    ///
    /// # Errors
    /// When the business does not have it. The relay tries again, later and later, until the event's time is over.
    fn forward(&self, event: &Event) -> impl Future<Output = Result<(), SinkError>> + Send;
}

impl<K: Sink> Sink for std::sync::Arc<K> {
    fn forward(&self, event: &Event) -> impl Future<Output = Result<(), SinkError>> + Send {
        (**self).forward(event)
    }
}

/// The business does not have the event. Its move.
#[derive(Debug, Error)]
#[error("the business did not take the event")]
pub struct SinkError {
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    not_before: Option<Duration>,
}

impl SinkError {
    /// It was not taken, because of `source`.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), not_before: None }
    }

    /// The business asks not to be tried again for so long.
    #[must_use]
    pub const fn not_before(mut self, span: Duration) -> Self {
        self.not_before = Some(span);
        self
    }

    /// How long the business asks to be left alone.
    #[must_use]
    pub const fn pause(&self) -> Option<Duration> {
        self.not_before
    }
}
