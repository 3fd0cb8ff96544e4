//! What a user has sent, kept so that the business can show it to the carrier.

use std::sync::Arc;

use bulla_base::{Day, MessageId, Party, PhoneNumberId};
use bulla_envelope::{Envelope, Kind};
use bulla_integrity::{InvalidForm, MAX_REPORTED_MESSAGES, Reason, Report, ReportedMessage, Stamp};
use bulla_store::{Key, Retention, Store, StoreError};
use bulla_transport::Transport;
use bytes::Bytes;
use tracing::Instrument;
use zeroize::Zeroizing;

use super::active_business::ActiveBusiness;
use super::conversation::Conversation;
use super::transaction::Transaction;
use super::{Inner, Relay, trace_span};
use crate::metrics::REPORTED;
use crate::row::Reportable;
use crate::store_layout::{self, REPORTABLE};
use crate::{EventSink, MessageRef, ReportError, SubmitError};

/// The code of a message among the kinds of envelopes.
const MESSAGE: u32 = 1;

impl Transaction {
    /// Keeps what a report of `envelope` takes, if the settings say so. What came without a stamp cannot be
    /// reported.
    ///
    /// On the day on which it came: how old its id is, whoever has sent it has chosen.
    pub(super) fn keep_reportable(&mut self, envelope: &Envelope, plaintext: &[u8]) {
        let Some(retention) = self.reportable else { return };
        if let (Kind::Message(category), Some(stamp)) = (envelope.kind(), envelope.stamp()) {
            let (stamp, from) = (*stamp.as_bytes(), envelope.from().clone());
            let row = Reportable { category, stamp, from, plaintext: Bytes::copy_from_slice(plaintext) };
            let key = reportable(self.now.day(), self.conversation.business, envelope.id());
            self.batch.put_until(key, row.to_bytes(), retention.from(self.now));
        }
    }
}

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// Shows the carrier `messages` that one user has sent to `business`, one to five of them, as they came:
    /// their words, and whose they are. Nothing else of the conversation is shown. If it `blocks`, the user
    /// is [blocked](Relay::set_blocked) as well when the carrier has the report.
    ///
    /// A message counts once, also when it is reported again. What the carrier makes of it is its own affair:
    /// one that protects pauses a user whom several businesses have reported.
    ///
    /// # Errors
    /// [`ReportError`]. The relay keeps what a report takes only if it is
    /// [told to](crate::Settings::reportable_for).
    ///
    /// # Cost
    /// A look-up of each message for each day that it may have come on, and a call of the carrier.
    pub async fn report(
        &self,
        business: PhoneNumberId,
        messages: &[MessageRef],
        reason: Reason,
        blocks: bool,
    ) -> Result<(), ReportError> {
        let (actual, limit) = (messages.len(), MAX_REPORTED_MESSAGES);
        if actual > limit {
            return Err(ReportError::TooMany { actual, limit });
        }
        let (inner, tenant, messages) = (Arc::clone(&self.0), self.0.tenant(business)?, messages.to_vec());
        let reporting = Arc::clone(&tenant);
        let reporting = async move { inner.report_user(&reporting, &messages, (reason, blocks)).await };
        let reported = self.0.see_through_for(&tenant, reporting).await;
        reported.unwrap_or_else(|unheard| Err(unheard.into()))
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    async fn report_user(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        messages: &[MessageRef],
        why: (Reason, bool),
    ) -> Result<(), ReportError> {
        let invalid = |expected| ReportError::Invalid(InvalidForm::Field { field: "report", expected });
        let first = messages.first().ok_or_else(|| invalid("a message"))?;
        if messages.iter().any(|message| message.user() != first.user()) {
            return Err(invalid("messages of one user"));
        }
        let user = tenant.user_ids.partition(first.user());
        let conversation = Conversation { business: tenant.business(), user };
        let _call = self.calls.begin(conversation)?;
        let reporting = async {
            let reported = self.report_in(tenant, conversation, messages, why).await;
            reported.map_err(|error| match error {
                ReportError::Submit(SubmitError::Store(error)) => {
                    self.survive(error).map_or(SubmitError::Stopped, SubmitError::Store).into()
                }
                error => error,
            })
        };
        reporting.instrument(trace_span::about("report", conversation, None)).await
    }

    async fn report_in(
        &self,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        messages: &[MessageRef],
        (reason, blocks): (Reason, bool),
    ) -> Result<(), ReportError> {
        let mut shown = Vec::with_capacity(messages.len());
        for message in messages {
            shown.push(self.kept_for_report(conversation, message.id()).await?);
        }
        let report = Report::new(reason, shown).map_err(ReportError::Invalid)?;
        let number = match report.reported() {
            Some(Party::User(number)) => number.clone(),
            _ => return Err(StoreError::Damaged { what: "what a report takes" }.into()),
        };
        let report = if blocks { report.and_block() } else { report };
        // They may have been erased while it was read.
        if self.erasures.is_under_way(conversation.user) {
            return Err(SubmitError::UnknownUser.into());
        }
        self.transport.report(&tenant.caller, report.to_bytes().to_vec().into()).await?;
        metrics::counter!(REPORTED, "reason" => reason.name()).increment(1);
        tracing::info!(reason = reason.name(), messages = messages.len(), "a user was reported");
        if blocks {
            self.block(tenant, &number, true).await.map_err(ReportError::NotBlocked)?;
        }
        Ok(())
    }

    /// What was kept of a message. It stands on the day on which it came, which its id does not tell.
    async fn kept_for_report(
        &self,
        conversation: Conversation,
        id: MessageId,
    ) -> Result<ReportedMessage, ReportError> {
        let now = self.clock.now();
        let oldest = now.before(Retention::LONGEST.span()).day().number();
        for day in (oldest..=now.day().number()).rev() {
            let key = reportable(Day::from_number(day), conversation.business, id);
            if let Some(row) = self.store.get(conversation.user, &key, now).await? {
                let Reportable { category, stamp, from, plaintext } = Reportable::read(&row.value)?;
                let damaged = |_: InvalidForm| StoreError::Damaged { what: "what a report takes" };
                let stamp = Stamp::from_bytes(&stamp).map_err(damaged)?;
                let plaintext = Zeroizing::new(plaintext.to_vec());
                let message = ReportedMessage::new(id, from, MESSAGE, Some(category), stamp, plaintext);
                return Ok(message.map_err(damaged)?);
            }
        }
        Err(ReportError::NotKept { id })
    }
}

fn reportable(day: Day, business: PhoneNumberId, id: MessageId) -> Key {
    Key::dated(REPORTABLE, day, store_layout::named(business, id.as_bytes()))
}
