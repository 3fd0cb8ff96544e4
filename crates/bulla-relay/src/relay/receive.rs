use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla_base::{Category, Number, Party, Retries};
use bulla_content::{Body, Content, Progress};
use bulla_endpoint::{ONE_TIME_KEYS, OpenError, Peer, REFILL_BELOW, Received, SealError};
use bulla_envelope::{Envelope, Kind};
use bulla_meter::Flow;
use bulla_store::{Store, StoreError};
use bulla_transport::{Delivery, Sequence, Transport, TransportError, in_order};
use bytes::Bytes;
use futures_util::FutureExt;
use tracing::Instrument;

use super::conversation::{Attempt, Attempts, Conversation};
use super::failure_domain::FailureDomain;
use super::identities::Changed;
use super::tenant::Tenant;
use super::transaction::{CommitOutcome, Transaction};
use super::{Inner, trace_span};
use crate::limits::UNANSWERED_RETRY;
use crate::metrics::{DROPPED, OPENED};
use crate::row::StoredEvent;
use crate::store_layout::{self, MESSAGE, SEEN};
use crate::{EventSink, RelayError, Status};

/// What became of an envelope: it is durable here, or never will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    /// With a one-time prekey that was spent on it.
    WithOneTimeKey,
    Alone,
}

/// What became of deliveries.
#[derive(Debug, Default)]
struct Opened {
    /// How many one-time prekeys were spent on them.
    spent: usize,
    /// Those that are durable here, or never will be.
    durable: Vec<Sequence>,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Receives what users send to the business, for as long as it is spoken for.
    ///
    /// There is one such task for each business, and nearly all of them wait: what is only needed when
    /// something came is in boxes of its own.
    pub(super) async fn keep_receiving(self: Arc<Self>, tenant: Arc<Tenant>) -> Result<(), RelayError> {
        // Who has not left keys yet cannot be written to: that comes first.
        let is_connected = tenant.is_connected.load(Ordering::Relaxed);
        let mut retries = Retries::new(self.settings.backoff);
        let (mut after, mut spent) = (Sequence::START, if is_connected { 0 } else { ONE_TIME_KEYS });
        let mut low_stock = Box::pin(self.transport.low_stock(&tenant.caller, REFILL_BELOW));
        loop {
            let outcome = if spent >= ONE_TIME_KEYS - REFILL_BELOW {
                Box::pin(self.connect(&tenant)).await.map(|()| spent = 0)
            } else {
                tokio::select! {
                    biased;
                    // What was passed over may be opened now.
                    () = tenant.again.notified() => {
                        after = Sequence::START;
                        Ok(())
                    }
                    // Whoever has taken them, and whether or not they write.
                    low = &mut low_stock => {
                        low_stock = Box::pin(self.transport.low_stock(&tenant.caller, REFILL_BELOW));
                        match low {
                            Ok(connected) => Box::pin(self.leave_keys(&tenant, connected)).await,
                            Err(error) => Err(error.into()),
                        }
                    }
                    received = self.transport.receive(&tenant.caller, after) => match received {
                        Ok(deliveries) => {
                            let taken = Box::pin(self.take_deliveries(&tenant, deliveries, &mut after)).await;
                            taken.map(|keys| spent += keys)
                        }
                        Err(error) => Err(error.into()),
                    },
                }
            };
            let error = match outcome {
                Ok(()) => {
                    retries.reset();
                    continue;
                }
                Err(error) if error.failure_domain() == FailureDomain::Passing => error,
                Err(error) => return Err(error),
            };
            let is_of_carrier = matches!(error, RelayError::Transport(_));
            self.counts.retried(if is_of_carrier { "carrier" } else { "store" });
            if retries.failures() == 0 {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(business = %tenant.business(), error, "nothing is received; it is tried again");
            }
            self.clock.sleep(retries.next_wait(&*self.rng)).await;
            if is_of_carrier {
                // The carrier may have been restarted, and may not know us any more.
                spent = ONE_TIME_KEYS;
            }
        }
    }

    /// Opens everything that came after `after`, and acknowledges what is durable. How many one-time prekeys
    /// that took.
    async fn take_deliveries(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        deliveries: Vec<Delivery>,
        after: &mut Sequence,
    ) -> Result<usize, RelayError> {
        let in_order = in_order(deliveries, *after);
        let last = in_order.last().map(|delivery| delivery.sequence);
        let opened = self.open_all(tenant, in_order).await?;
        self.acknowledge(tenant, &opened.durable).await?;
        *after = last.unwrap_or(*after);
        Ok(opened.spent)
    }

    async fn acknowledge(&self, tenant: &Tenant, sequences: &[Sequence]) -> Result<(), RelayError> {
        match Box::pin(self.transport.acknowledge(&tenant.caller, sequences)).await {
            Ok(()) => Ok(()),
            // They come again after a restart, and are known then.
            Err(error) if error.may_pass() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the deliveries: those of one user in their order, those of different users at once.
    async fn open_all(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        deliveries: Vec<Delivery>,
    ) -> Result<Opened, RelayError> {
        let (mut all, mut by_user) = (Opened::default(), BTreeMap::<Number, Vec<Delivery>>::new());
        for delivery in deliveries {
            match delivery.envelope.from().party() {
                Party::User(number) => by_user.entry(number.clone()).or_default().push(delivery),
                _ => {
                    refused("not_from_a_user", &OpenError::NotForUs);
                    self.counts.dropped();
                    all.durable.push(delivery.sequence);
                }
            }
        }
        let of_users = by_user
            .into_iter()
            .map(|(number, deliveries)| Box::pin(self.open_of_user(tenant, number, deliveries)));
        for opened in futures_util::future::join_all(of_users).await {
            let Opened { spent, durable } = opened?;
            all.spent += spent;
            all.durable.extend(durable);
        }
        Ok(all)
    }

    /// Opens the deliveries of one user, in their order, up to one that stops the conversation. What is left
    /// stays with the carrier, and is received again when the conversation is resumed.
    async fn open_of_user(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        number: Number,
        deliveries: Vec<Delivery>,
    ) -> Result<Opened, RelayError> {
        let (conversation, mut opened) = (self.conversation(tenant, &number), Opened::default());
        for delivery in deliveries {
            if self.suspensions.of(conversation).is_some() {
                break;
            }
            let span = trace_span::about("receive", conversation, Some(delivery.envelope.id()));
            let opening = self.open(tenant, &number, &delivery.envelope).instrument(span);
            let opening = AssertUnwindSafe(opening).catch_unwind();
            match opening.await.unwrap_or(Err(RelayError::Panicked)) {
                Ok(settled) => {
                    opened.spent += usize::from(settled == Settled::WithOneTimeKey);
                    opened.durable.push(delivery.sequence);
                }
                Err(RelayError::Transport(TransportError::NoKeys)) => {
                    self.look_again(tenant);
                    break;
                }
                Err(error) if error.failure_domain() == FailureDomain::Part => {
                    self.contain(tenant, Some(conversation), error)?;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(opened)
    }

    /// Receives again, after a while, what was left with the carrier because it cannot be answered yet.
    /// Others do not wait for it.
    fn look_again(self: &Arc<Self>, tenant: &Arc<Tenant>) {
        if tenant.looks_again.swap(true, Ordering::Relaxed) {
            return;
        }
        let looking = Arc::clone(tenant);
        let is_begun = self.spawn_for(tenant, None, move |inner| async move {
            inner.clock.sleep(UNANSWERED_RETRY).await;
            looking.looks_again.store(false, Ordering::Relaxed);
            looking.again.notify_one();
            Ok(())
        });
        if !is_begun {
            tenant.looks_again.store(false, Ordering::Relaxed);
        }
    }

    /// Opens one envelope and makes what it says durable, with the session's step, in one record.
    async fn open(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        number: &Number,
        envelope: &Envelope,
    ) -> Result<Settled, RelayError> {
        let conversation = self.conversation(tenant, number);
        let _lock = self.lock(conversation.user).await?;
        let mut attempts = Attempts::default();
        loop {
            attempts.begin()?;
            if let Attempt::Done(settled) = self.try_open(tenant, conversation, number, envelope).await? {
                return Ok(settled);
            }
        }
    }

    async fn try_open(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        conversation: Conversation,
        number: &Number,
        envelope: &Envelope,
    ) -> Result<Attempt<Settled>, RelayError> {
        const ALONE: Attempt<Settled> = Attempt::Done(Settled::Alone);
        let mut transaction = self.transaction(conversation).await?;
        let seen = store_layout::about(SEEN, conversation.business, envelope.id());
        if self.store.get(conversation.user, &seen, transaction.now).await?.is_some() {
            return Ok(ALONE);
        }
        let Some(mut peer) = self.sender(tenant, &transaction, envelope).await? else {
            return Ok(ALONE);
        };
        let received = match peer.open(&self.store, envelope, transaction.now, &*self.rng).await {
            Ok(received) => received,
            Err(OpenError::Store(error)) => return Err(error.into()),
            // Better to suspend the conversation than to acknowledge what a repaired store could open.
            Err(OpenError::Damaged { what }) => return Err(StoreError::Damaged { what }.into()),
            Err(error) => {
                refused(reason(&error), &error);
                self.counts.dropped();
                let lost = matches!(error, OpenError::Undecipherable(_));
                let outcome = if lost {
                    Box::pin(self.ask_again(tenant, transaction, peer, envelope)).await?
                } else {
                    CommitOutcome::Committed
                };
                return Ok(Attempt::of(outcome != CommitOutcome::Conflict, Settled::Alone));
            }
        };
        let Received { content, spent, .. } = received;
        let mut changed = Changed::of(&peer, received.identity_changed);
        transaction.mark_opened(envelope);
        match content {
            Ok(content) => match content.body() {
                Body::RetryRequest(request) => {
                    let sending =
                        self.send_again(tenant, &mut transaction, &mut peer, envelope.from(), *request);
                    changed = changed.or(Box::pin(sending).await?);
                }
                _ => self.take_in(&mut transaction, number, envelope, &content).await?,
            },
            Err(unreadable) => {
                refused(unreadable.reason(), &unreadable);
                self.counts.dropped();
            }
        }
        transaction.put_sessions(peer);
        match self.commit_opened(transaction, envelope).await? {
            CommitOutcome::Committed => {
                self.counts.opened();
                metrics::counter!(OPENED, "kind" => kind_name(envelope.kind())).increment(1);
                self.tell_identity(tenant, conversation, changed);
            }
            CommitOutcome::Duplicate => return Ok(ALONE),
            CommitOutcome::Conflict => return Ok(Attempt::Conflict),
            CommitOutcome::TooLarge => {
                let outcome = Box::pin(self.give_up(tenant, conversation, envelope)).await?;
                return Ok(Attempt::of(outcome != CommitOutcome::Conflict, Settled::Alone));
            }
        }
        let Some(key) = spent else { return Ok(ALONE) };
        if let Err(error) = tenant.endpoint.spend(&self.store, key).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a spent prekey stays behind");
        }
        Ok(Attempt::Done(Settled::WithOneTimeKey))
    }

    /// The device that has sent `envelope`, as the store knows it. Nothing when it is none that may.
    pub(super) async fn sender<'v>(
        &self,
        tenant: &'v Tenant,
        transaction: &Transaction,
        envelope: &Envelope,
    ) -> Result<Option<Peer<'v>>, RelayError> {
        match tenant
            .endpoint
            .peer(&self.store, transaction.conversation.user, envelope.from(), transaction.now)
            .await
        {
            Ok(peer) => Ok(Some(peer)),
            Err(SealError::Store(error)) => Err(error.into()),
            Err(SealError::Damaged) => Err(StoreError::Damaged { what: "session" }.into()),
            Err(error) => {
                refused("not_for_us", &error);
                self.counts.dropped();
                Ok(None)
            }
        }
    }

    /// Puts what `content` comes to into `transaction`.
    async fn take_in(
        &self,
        transaction: &mut Transaction,
        number: &Number,
        envelope: &Envelope,
        content: &Content,
    ) -> Result<(), StoreError> {
        match content.body() {
            Body::Text(_) | Body::Reaction(_) => {
                let encoded = content.encode(&*self.rng);
                let said = Bytes::copy_from_slice(encoded.plaintext());
                transaction.put_contact(number);
                self.note_incoming(transaction);
                let expiry = transaction.expiry();
                let message = (envelope.id(), envelope.from().device());
                transaction.push_event(&StoredEvent::said(message, number, transaction.now, said), expiry);
                // As what it is, whatever the envelope declares: who writes does not choose what is metered.
                transaction.count(Flow::ToBusiness, Category::Service);
            }
            Body::Receipt(receipt) => {
                let status = match receipt.progress() {
                    Progress::Read => Status::Read,
                    _ => Status::Delivered,
                };
                // A message named twice is brought forward once.
                let mut messages = receipt.messages().to_vec();
                messages.sort_unstable();
                messages.dedup();
                for id in messages {
                    let key = store_layout::about(MESSAGE, transaction.conversation.business, id);
                    if let Some(record) =
                        self.store.get(transaction.conversation.user, &key, transaction.now).await?
                    {
                        transaction.confirm(id, &record, status, envelope.from().device())?;
                    }
                }
            }
            _ => tracing::warn!("a request this version does not know was dropped"),
        }
        Ok(())
    }
}

/// An envelope that says nothing to anybody: noted, acknowledged and dropped.
pub(super) fn refused(reason: &'static str, error: &(dyn std::error::Error + 'static)) {
    metrics::counter!(DROPPED, "reason" => reason).increment(1);
    tracing::warn!(reason, error, "an envelope was dropped");
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Message(_) => "message",
        Kind::Receipt => "receipt",
        Kind::RetryRequest => "retry_request",
        _ => "other",
    }
}

/// Why an envelope was not opened, for counters.
const fn reason(error: &OpenError) -> &'static str {
    match error {
        OpenError::Duplicate => "duplicate",
        OpenError::NotForUs => "not_for_us",
        _ => "undecipherable",
    }
}
