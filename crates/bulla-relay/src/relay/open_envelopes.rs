//! Opening what users send, as much of it at once as order allows.

use std::sync::Arc;

use bulla_base::{Category, Number};
use bulla_content::{Body, Content, Progress};
use bulla_endpoint::{OpenError, Peer, Received, SealError, SpentKey};
use bulla_envelope::{Envelope, Form, Kind};
use bulla_meter::Flow;
use bulla_store::{Store, StoreError};
use bulla_transport::{Delivery, Transport};
use bytes::Bytes;

use super::Inner;
use super::active_business::ActiveBusiness;
use super::attempts::{Attempt, Attempts};
use super::conversation::Conversation;
use super::identities::Changed;
use super::transaction::{CommitOutcome, Transaction};
use crate::limits::MAX_OPENED_TOGETHER;
use crate::metrics::{DROPPED, OPENED};
use crate::row::StoredEvent;
use crate::store_layout::{self, SEEN};
use crate::{EventSink, RelayError, Status};

/// What became of envelopes of one device, from the first on: they are durable here, or never will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    /// How many.
    pub(super) envelopes: usize,
    /// How many one-time prekeys were spent on them.
    pub(super) keys: usize,
}

/// What became of an attempt to open envelopes together.
enum Together {
    Settled(Settled),
    /// They cannot go into one record, and are opened one by one.
    Apart,
}

/// An envelope that was opened, and that is not durable yet.
struct OpenedOne<'a> {
    envelope: &'a Envelope,
    changed: Option<Changed>,
    spent: Option<SpentKey>,
}

impl Settled {
    const fn without_keys(envelopes: usize) -> Self {
        Self { envelopes, keys: 0 }
    }
}

/// How many of `deliveries`, from the first on, may be opened together: those of one device that neither
/// begin a session nor ask for anything, which takes more than opening them.
pub(super) fn run_of(deliveries: &[Delivery]) -> usize {
    let Some(first) = deliveries.first() else { return 0 };
    let is_plain = |envelope: &Envelope| {
        envelope.form() == Form::Signal && matches!(envelope.kind(), Kind::Message(_) | Kind::Receipt)
    };
    let goes_along =
        |next: &&Delivery| next.envelope.from() == first.envelope.from() && is_plain(&next.envelope);
    deliveries.iter().take_while(goes_along).take(MAX_OPENED_TOGETHER).count().max(1)
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Opens the envelopes of a run and makes what they say durable, with the session's steps, in one record.
    /// Ends before one that takes more than that.
    pub(super) async fn open_run(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        number: &Number,
        mut run: &[Delivery],
    ) -> Result<Settled, RelayError> {
        let conversation = self.conversation(tenant, number);
        let mut attempts = Attempts::new();
        loop {
            self.begin_attempt(&mut attempts).await?;
            let _lock = self.lock(conversation.user).await?;
            match self.try_open(tenant, conversation, number, run).await? {
                Attempt::Done(Together::Settled(settled)) => return Ok(settled),
                Attempt::Done(Together::Apart) => run = &run[..1],
                Attempt::Conflict => {}
            }
        }
    }

    async fn try_open(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        number: &Number,
        run: &[Delivery],
    ) -> Result<Attempt<Together>, RelayError> {
        let done = |envelopes| Attempt::Done(Together::Settled(Settled::without_keys(envelopes)));
        let mut transaction = self.transaction(conversation).await?;
        let (mut peer, mut opened, mut settled) = (None::<Peer<'_>>, Vec::<OpenedOne<'_>>::new(), 0);
        let mut known = Vec::new();
        for Delivery { envelope, .. } in run {
            let seen = store_layout::about(SEEN, conversation.business, envelope.id());
            // The guard against duplicates is in the record that is being put together, not in the store yet.
            if opened.iter().any(|one| one.envelope.id() == envelope.id())
                || self.store.get(conversation.user, &seen, transaction.now).await?.is_some()
            {
                // Apart from what is new.
                let is_confirmed = tenant.endpoint.confirms_again(envelope);
                if is_confirmed && !opened.is_empty() {
                    break;
                }
                known.extend(is_confirmed.then(|| envelope.id()));
                settled += 1;
                continue;
            }
            if !known.is_empty() {
                break;
            }
            let mut with = match peer.take() {
                Some(peer) => peer,
                None => match self.sender(tenant, &transaction, envelope).await? {
                    Some(peer) => peer,
                    None => return Ok(done(settled + 1)),
                },
            };
            let received = match with.open(&self.store, envelope, transaction.now, &*self.rng).await {
                // Seldom: once for each device of a user that is not the first.
                Err(OpenError::NotListed) if opened.is_empty() => {
                    let looking = self.look_up_sender(tenant, &mut transaction, &mut with, envelope);
                    Box::pin(looking).await?;
                    with.open(&self.store, envelope, transaction.now, &*self.rng).await
                }
                received => received,
            };
            let received = match received {
                Ok(received) => received,
                // What was opened before it is made durable first.
                Err(_) if !opened.is_empty() => {
                    peer = Some(with);
                    break;
                }
                Err(error) => {
                    let outcome = self.not_opened(tenant, transaction, with, envelope, error).await?;
                    return Ok(match outcome {
                        CommitOutcome::Conflict => Attempt::Conflict,
                        _ => done(settled + 1),
                    });
                }
            };
            opened
                .push(self.take_in(tenant, &mut transaction, &mut with, (number, envelope), received).await?);
            settled += 1;
            peer = Some(with);
        }
        if let (Some(first), false) = (run.first(), known.is_empty()) {
            let device = first.envelope.from().device();
            let told = Box::pin(self.confirm_again(tenant, transaction, device, known)).await?;
            return Ok(if told { done(settled) } else { Attempt::Conflict });
        }
        let Some(peer) = peer else { return Ok(done(settled)) };
        transaction.put_sessions(peer);
        self.settle_opened(tenant, transaction, opened, settled).await
    }

    /// Makes what was `opened` durable. With what was there before, that is so many envelopes.
    async fn settle_opened(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        transaction: Transaction,
        opened: Vec<OpenedOne<'_>>,
        envelopes: usize,
    ) -> Result<Attempt<Together>, RelayError> {
        let conversation = transaction.conversation;
        let settled = |keys| Attempt::Done(Together::Settled(Settled { envelopes, keys }));
        let alone = match &opened[..] {
            [one] => Some(one.envelope),
            _ => None,
        };
        let guards: Vec<_> = opened.iter().map(|one| one.envelope).collect();
        match (self.commit_opened(transaction, &guards).await?, alone) {
            (CommitOutcome::Committed, _) => {}
            (CommitOutcome::Conflict, _) => return Ok(Attempt::Conflict),
            (CommitOutcome::Duplicate | CommitOutcome::TooLarge, None) => {
                return Ok(Attempt::Done(Together::Apart));
            }
            (CommitOutcome::Duplicate, Some(_)) => return Ok(settled(0)),
            (CommitOutcome::TooLarge, Some(envelope)) => {
                let outcome = Box::pin(self.give_up(tenant, conversation, envelope)).await?;
                return Ok(match outcome {
                    CommitOutcome::Conflict => Attempt::Conflict,
                    _ => settled(0),
                });
            }
        }
        // After the commit: what was counted, told and spent cannot be taken back.
        let mut keys = 0;
        for OpenedOne { envelope, changed, spent } in opened {
            self.counts.opened();
            metrics::counter!(OPENED, "kind" => kind_name(envelope.kind())).increment(1);
            self.tell_identities(tenant, conversation, changed);
            let Some(key) = spent else { continue };
            keys += 1;
            if let Err(error) = tenant.endpoint.spend(&self.store, key).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a spent prekey stays behind");
            }
        }
        Ok(settled(keys))
    }

    /// Sees to an envelope that does not open: it is asked for again, or dropped.
    async fn not_opened(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        transaction: Transaction,
        peer: Peer<'_>,
        envelope: &Envelope,
        error: OpenError,
    ) -> Result<CommitOutcome, RelayError> {
        match error {
            OpenError::Store(error) => return Err(error.into()),
            // Better to suspend the conversation than to acknowledge what a repaired store could open.
            OpenError::Damaged { what } => return Err(StoreError::Damaged { what }.into()),
            _ => {}
        }
        refused(reason(&error), &error);
        self.counts.dropped();
        // One that is not listed yet is asked as well: when it is, what it has sent is not lost.
        if matches!(error, OpenError::Undecipherable(_) | OpenError::NotListed) {
            return Box::pin(self.ask_again(tenant, transaction, peer, envelope)).await;
        }
        Ok(CommitOutcome::Committed)
    }

    /// The device that has sent `envelope`, as the store knows it. Nothing when it is none that may.
    pub(super) async fn sender<'v>(
        &self,
        tenant: &'v ActiveBusiness,
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

    /// Puts what an opened envelope comes to into `transaction`.
    async fn take_in<'a>(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        (number, envelope): (&Number, &'a Envelope),
        received: Received,
    ) -> Result<OpenedOne<'a>, RelayError> {
        let Received { content, spent, plaintext, .. } = received;
        let mut changed = Changed::of(peer, received.identity_changed);
        transaction.mark_opened(envelope);
        match content {
            Ok(content) => match content.body() {
                Body::RetryRequest(request) => {
                    let sending = self.send_again(tenant, transaction, peer, envelope.from(), *request);
                    changed = changed.or(Box::pin(sending).await?);
                }
                body if !matches!(body, Body::Receipt(_))
                    && tenant.gate.is_blocked(transaction.conversation.user) =>
                {
                    // The step stays, so that the session goes on. What it says is nobody's.
                    metrics::counter!(DROPPED, "reason" => "blocked").increment(1);
                    tracing::debug!("what a blocked user has sent was dropped");
                    self.counts.dropped();
                }
                body => {
                    if body.is_message() {
                        transaction.keep_reportable(envelope, plaintext.as_bytes());
                    }
                    self.take_in_content(transaction, number, envelope, &content).await?;
                }
            },
            Err(unreadable) => {
                refused(unreadable.reason(), &unreadable);
                self.counts.dropped();
            }
        }
        Ok(OpenedOne { envelope, changed, spent })
    }

    /// Puts what `content` comes to into `transaction`.
    async fn take_in_content(
        &self,
        transaction: &mut Transaction,
        number: &Number,
        envelope: &Envelope,
        content: &Content,
    ) -> Result<(), StoreError> {
        match content.body() {
            // Of whatever kind: one that this version does not know stays as it came.
            body if body.is_message() => {
                let encoded = content.encode(&*self.rng);
                let plaintext = Bytes::copy_from_slice(encoded.plaintext());
                transaction.put_contact(number);
                transaction.put_received_media(envelope.id(), body);
                self.note_incoming(transaction);
                let expiry = transaction.expiry();
                let message = (envelope.id(), envelope.from().device());
                transaction.push_event(
                    &StoredEvent::of_message(message, number, transaction.now, plaintext),
                    expiry,
                );
                // As what it is, whatever the envelope declares: who writes does not choose what is metered.
                transaction.count(Flow::ToBusiness, Category::Service);
            }
            Body::Receipt(receipt) => {
                let status = match receipt.progress() {
                    Progress::Delivered => Status::Delivered,
                    // Who has listened to it has seen it.
                    _ => Status::Read,
                };
                // A message named twice is brought forward once.
                let mut messages = receipt.messages().to_vec();
                messages.sort_unstable();
                messages.dedup();
                for id in messages {
                    if let Some(record) = transaction.message(&self.store, id).await? {
                        transaction.confirm(id, &record, status, envelope.from().device())?;
                    }
                }
            }
            signal => {
                tracing::debug!(signal = signal.name(), "a signal that nobody is told of was passed over")
            }
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
        OpenError::NotListed => "not_listed",
        _ => "undecipherable",
    }
}
