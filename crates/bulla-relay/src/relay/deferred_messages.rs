//! What a rule keeps back, and is sealed when the rule allows it.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Category, MessageId};
use bulla_content::{Body, Content};
use bulla_store::{Queued, Record, Store};
use bulla_transport::Transport;

use super::Inner;
use super::active_business::ActiveBusiness;
use super::active_workers::Worker;
use super::attempts::{Attempt, Attempts};
use super::conversation::Conversation;
use super::identities::Changed;
use super::pending_identity_approval::passing;
use super::recipient_devices::{Audience, Recipients};
use super::rule_check::Ruling;
use super::rule_state::Reserved;
use super::transaction::Transaction;
use crate::row::{MessagePendingApproval, Outbound};
use crate::rules::{Fallback, OnBreach, Rule};
use crate::{EventSink, Failure, RelayError, Status, SubmitError};

/// What came of the next message that is deferred.
enum Turn {
    /// It is not deferred any more.
    Done,
    /// There is none, or it waits for its user to write.
    Nothing,
    /// It waits for this rule, for so long.
    Waits(Rule, Duration),
}

/// The next message that is deferred, and what is sent of it.
struct Next {
    queued: Queued,
    id: MessageId,
    message: Record,
    content: Content,
    category: Category,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Seals what the rules have kept back for the user of the conversation, in its order, each as soon as
    /// they allow it, until there is none, or the user has to write first.
    pub(super) async fn drain_deferred(
        self: Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
    ) -> Result<(), RelayError> {
        let (mut turn, written) = (None, self.workers.written(conversation, Worker::Deferred));
        // Who writes opens the window, and does not count against the limit then.
        let opened = async |rule| match rule {
            Rule::MessagingLimit => written.notified().await,
            _ => pending().await,
        };
        loop {
            let changed = tenant.rules.changed();
            match self.take_turn(tenant, conversation).await? {
                Turn::Done => turn = None,
                Turn::Nothing if self.workers.rest(conversation, Worker::Deferred) => return Ok(()),
                Turn::Nothing => turn = None,
                Turn::Waits(rule, wait) => match tenant.rules.turn(rule) {
                    // Others wait for the same; when it is this one's turn, it looks again.
                    Some(others) if turn.as_ref().is_none_or(|(of, _)| *of != rule) => {
                        turn = None;
                        let mine = tokio::select! {
                            mine = others.lock() => Some((rule, mine)),
                            () = changed => None,
                            () = opened(rule) => None,
                        };
                        turn = mine.or(turn);
                    }
                    others => {
                        if others.is_none() {
                            turn = None;
                        }
                        tokio::select! {
                            () = self.clock.sleep(wait) => {}
                            () = changed => {}
                            () = opened(rule) => {}
                        }
                    }
                },
            }
        }
    }

    async fn take_turn(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
    ) -> Result<Turn, RelayError> {
        let mut attempts = Attempts::new();
        loop {
            self.begin_attempt(&mut attempts).await?;
            let _lock = self.lock(conversation.user).await?;
            if let Attempt::Done(turn) = self.try_turn(tenant, conversation).await? {
                return Ok(turn);
            }
        }
    }

    async fn try_turn(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
    ) -> Result<Attempt<Turn>, RelayError> {
        let mut transaction = self.transaction(conversation).await?;
        let Some(queued) = transaction.next_deferred(&self.store).await? else {
            return Ok(Attempt::Done(Turn::Nothing));
        };
        let deferred = MessagePendingApproval::read(&queued.record.value)?;
        let (Some(message), Some(category)) =
            (self.waiting(&transaction, &deferred).await?, deferred.of_category()?)
        else {
            // It has failed.
            transaction.remove_deferred(&queued);
            return Ok(Attempt::of(self.commit(transaction).await?, Turn::Done));
        };
        let rules = tenant.rules.rules();
        let ruling = {
            let own = deferred.fallback()?;
            self.rule_on(tenant, &rules, &mut transaction, (category, own.as_ref())).await?
        };
        let (id, content) = (deferred.id()?, deferred.content()?);
        let mut next = Next { queued, id, message, content, category };
        match ruling {
            Ruling::Goes(instead, reserved) => {
                next.replace(instead);
                self.release_deferred(tenant, transaction, next, reserved).await
            }
            Ruling::Breaks(rule, Some(wait)) => Ok(Attempt::Done(Turn::Waits(rule, wait))),
            Ruling::Breaks(rule, None) if rules.on_breach(rule) == OnBreach::Defer => {
                Ok(Attempt::Done(Turn::Nothing))
            }
            // It waited for another rule, and the window has closed meanwhile.
            Ruling::Breaks(rule, None) => self.fail_deferred(transaction, &next, rule.into()).await,
        }
    }

    async fn release_deferred(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        mut transaction: Transaction,
        next: Next,
        reserved: Option<Reserved>,
    ) -> Result<Attempt<Turn>, RelayError> {
        let conversation = transaction.conversation;
        let Some(number) = self.number(conversation).await? else {
            return self.fail_deferred(transaction, &next, Failure::Undeliverable).await;
        };
        let audience = match transaction.has_held() {
            // It is not to pass what is held.
            true => Audience::Held(Recipients::default()),
            false => self.audience(tenant, &mut transaction, &number).await.map_err(passing)?,
        };
        let reserved = reserved.filter(|_| !matches!(audience, Audience::Unknown));
        if let Some(reserved) = &reserved {
            self.put_recipient(conversation.business, reserved, transaction.now).await?;
        }
        let changed = self.put_undeferred(&mut transaction, &next, audience)?;
        let committed = self.commit(transaction).await;
        if !matches!(committed, Ok(false)) {
            // Also when it is not known.
            reserved.into_iter().for_each(Reserved::keep);
        }
        let committed = committed?;
        if committed {
            self.tell_identities(tenant, conversation, changed);
        }
        Ok(Attempt::of(committed, Turn::Done))
    }

    /// Seals what was deferred into `transaction`, or holds it, or fails it. Which devices have another
    /// identity than before.
    fn put_undeferred(
        &self,
        transaction: &mut Transaction,
        next: &Next,
        audience: Audience<'_>,
    ) -> Result<Vec<Changed>, RelayError> {
        let Next { queued, id, message, content, category } = next;
        transaction.remove_deferred(queued);
        let mut outbound = Outbound::read(&message.value)?;
        outbound.set_category(*category);
        let changed = match audience {
            Audience::Unknown => {
                transaction.advance_status(*id, message, Status::Failed(Failure::Undeliverable))?;
                return Ok(Vec::new());
            }
            Audience::Held(recipients) => {
                (outbound.held, outbound.deferred) = (true, false);
                outbound.outbox_place = transaction.push_held(&self.held(*id, Some(*category), content));
                self.pending_approval.note(transaction.conversation);
                recipients.put(transaction)
            }
            Audience::InSession(mut recipients) => {
                let what = (content, self.encoded(content));
                let sealed = recipients.seal((*id, *category), what, transaction.now, &*self.rng);
                let sealed = sealed.map_err(|error| passing(SubmitError::Seal(error)))?;
                let expiry = message.expiry.unwrap_or_else(|| transaction.expiry());
                sealed.put(transaction, (*id, &mut outbound), expiry);
                outbound.in_window = transaction.window().is_open();
                transaction.count_sent(*category, &outbound.user()?);
                recipients.put(transaction)
            }
        };
        transaction.put_message(*id, message, &outbound);
        Ok(changed)
    }

    async fn fail_deferred(
        self: &Arc<Self>,
        mut transaction: Transaction,
        next: &Next,
        failure: Failure,
    ) -> Result<Attempt<Turn>, RelayError> {
        transaction.remove_deferred(&next.queued);
        transaction.advance_status(next.id, &next.message, Status::Failed(failure))?;
        Ok(Attempt::of(self.commit(transaction).await?, Turn::Done))
    }
}

impl Next {
    /// Has `instead` go in its place, if there is something.
    fn replace(&mut self, instead: Option<Fallback>) {
        if let Some(fallback) = instead {
            self.content = Content::new(Body::Text(fallback.body().clone()));
            self.category = fallback.category();
        }
    }
}
