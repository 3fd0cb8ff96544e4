use std::sync::Arc;

use bulla_base::{Number, PhoneNumberId};
use bulla_relay::{EventSink, MarkReadError, MessageRef, Outgoing, Relay, Store, SubmitError, Transport};

/// The port through which the API asks the relay, and the one place where it can be stood in for.
///
/// # For implementors
/// Each method is what the relay's of the same name is. A client may hang up at any time; the future is then
/// dropped, and what had been accepted by then stays accepted. An `Err` says that nothing was stored, counted
/// or sent; of a store that failed under way alone that is not known.
pub trait RelayApi: Send + Sync + 'static {
    /// The number that users see when the relay speaks for this sending number, and nothing when it does not.
    fn number(&self, business: PhoneNumberId) -> Option<Number>;

    /// Accepts `message` from the number `from`.
    ///
    /// # Errors
    /// When it was not accepted.
    fn submit(
        &self,
        from: PhoneNumberId,
        message: Outgoing,
    ) -> impl Future<Output = Result<MessageRef, SubmitError>> + Send;

    /// Marks a user's message as read by the business.
    ///
    /// # Errors
    /// When it was not.
    fn mark_read(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> impl Future<Output = Result<(), MarkReadError>> + Send;
}

impl<S: Store, T: Transport, K: EventSink> RelayApi for Relay<S, T, K> {
    fn number(&self, business: PhoneNumberId) -> Option<Number> {
        self.business(business).map(|business| business.display_number().clone())
    }

    async fn submit(&self, from: PhoneNumberId, message: Outgoing) -> Result<MessageRef, SubmitError> {
        Self::submit(self, from, message).await
    }

    async fn mark_read(&self, business: PhoneNumberId, message: MessageRef) -> Result<(), MarkReadError> {
        Self::mark_read(self, business, message).await
    }
}

impl<D: RelayApi> RelayApi for Arc<D> {
    fn number(&self, business: PhoneNumberId) -> Option<Number> {
        (**self).number(business)
    }

    fn submit(
        &self,
        from: PhoneNumberId,
        message: Outgoing,
    ) -> impl Future<Output = Result<MessageRef, SubmitError>> + Send {
        (**self).submit(from, message)
    }

    fn mark_read(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> impl Future<Output = Result<(), MarkReadError>> + Send {
        (**self).mark_read(business, message)
    }
}
