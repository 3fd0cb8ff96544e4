use bulla_base::PhoneNumberId;
use bulla_store::Store;
use bulla_transport::Transport;
use tracing::Instrument;

use super::conversation::Conversation;
use super::{Relay, trace_span};
use crate::{EventSink, Recipient, ServiceWindow, SubmitError};

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// The window of `user` with `business`: until when service messages go. It is kept if one of the
    /// [rules](crate::Rules) that ask for it is on, and closed for a user who has not written since.
    ///
    /// # Errors
    /// As when a message is accepted.
    ///
    /// # Cost
    /// One read.
    pub async fn window(
        &self,
        business: PhoneNumberId,
        user: impl Into<Recipient>,
    ) -> Result<ServiceWindow, SubmitError> {
        let tenant = self.0.tenant(business)?;
        if !tenant.rules.rules().keep_windows() {
            return Ok(ServiceWindow::NotKept);
        }
        let conversation = match user.into() {
            Recipient::Number(number) => self.0.conversation(&tenant, &number),
            Recipient::UserId(user) => Conversation { business, user: tenant.user_ids.partition(user) },
        };
        let looking = async {
            trace_span::is_with(conversation.user);
            self.0
                .transaction(conversation)
                .await
                .map_err(|error| self.0.refuse(&tenant, conversation, error.into()))
        };
        Ok(looking.instrument(trace_span::call("window", Some(business))).await?.window())
    }
}
