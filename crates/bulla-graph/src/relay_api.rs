use std::pin::Pin;
use std::sync::Arc;

use bulla_base::{Number, PhoneNumberId};
use bulla_relay::{EventSink, MarkReadError, MessageRef, Outgoing, Relay, Store, SubmitError, Transport};

use crate::{DynMediaApi, DynTemplateApi, ManagementApi, MediaApi, TemplateApi};

/// The port through which the API asks the relay, and the one place where it can be stood in for.
///
/// # For implementors
/// Each method is what the relay's of the same name is. A client may hang up at any time; the future is then
/// dropped, and what had been accepted by then stays accepted. An `Err` says that nothing was stored, counted
/// or sent; of a store that failed under way alone that is not known.
pub trait RelayApi: MediaApi + TemplateApi + ManagementApi {
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

    /// Does so, and has the user shown that an answer is being written. Unless it is written, that is not
    /// shown.
    ///
    /// # Errors
    /// When neither was done.
    fn mark_read_and_show_typing(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> impl Future<Output = Result<(), MarkReadError>> + Send {
        self.mark_read(business, message)
    }
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

    async fn mark_read_and_show_typing(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> Result<(), MarkReadError> {
        Self::mark_read_and_show_typing(self, business, message).await
    }
}

impl<D: RelayApi + ?Sized> RelayApi for Arc<D> {
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

    fn mark_read_and_show_typing(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> impl Future<Output = Result<(), MarkReadError>> + Send {
        (**self).mark_read_and_show_typing(business, message)
    }
}

/// [`RelayApi`] in a form of which there can be a `dyn`: for a host that chooses by configuration on what its
/// relay stands, and hands the API an `Arc<dyn DynRelayApi>`. Every [`RelayApi`] is one. Each call costs an
/// allocation more.
pub trait DynRelayApi: DynMediaApi + DynTemplateApi + ManagementApi {
    /// As [`RelayApi::number`].
    fn number_of(&self, business: PhoneNumberId) -> Option<Number>;

    /// As [`RelayApi::submit`].
    fn submit_boxed(&self, from: PhoneNumberId, message: Outgoing) -> Answering<'_, MessageRef, SubmitError>;

    /// As [`RelayApi::mark_read`].
    fn mark_read_boxed(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> Answering<'_, (), MarkReadError>;

    /// As [`RelayApi::mark_read_and_show_typing`].
    fn mark_read_and_show_typing_boxed(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> Answering<'_, (), MarkReadError>;
}

/// What the methods of [`DynRelayApi`] return.
pub type Answering<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

impl<D: RelayApi> DynRelayApi for D {
    fn number_of(&self, business: PhoneNumberId) -> Option<Number> {
        self.number(business)
    }

    fn submit_boxed(&self, from: PhoneNumberId, message: Outgoing) -> Answering<'_, MessageRef, SubmitError> {
        Box::pin(self.submit(from, message))
    }

    fn mark_read_boxed(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> Answering<'_, (), MarkReadError> {
        Box::pin(self.mark_read(business, message))
    }

    fn mark_read_and_show_typing_boxed(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> Answering<'_, (), MarkReadError> {
        Box::pin(self.mark_read_and_show_typing(business, message))
    }
}

impl RelayApi for dyn DynRelayApi {
    fn number(&self, business: PhoneNumberId) -> Option<Number> {
        self.number_of(business)
    }

    fn submit(
        &self,
        from: PhoneNumberId,
        message: Outgoing,
    ) -> impl Future<Output = Result<MessageRef, SubmitError>> + Send {
        self.submit_boxed(from, message)
    }

    fn mark_read(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> impl Future<Output = Result<(), MarkReadError>> + Send {
        self.mark_read_boxed(business, message)
    }

    fn mark_read_and_show_typing(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> impl Future<Output = Result<(), MarkReadError>> + Send {
        self.mark_read_and_show_typing_boxed(business, message)
    }
}
