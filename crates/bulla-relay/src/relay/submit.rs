use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bulla_base::{Address, Category, MessageId, Number, PhoneNumberId, Timestamp};
use bulla_content::limits::MAX_CARDS;
use bulla_content::{AttachmentPointer, Body, Content, InvalidContent, Reaction};
use bulla_endpoint::{Peer, SealError};
use bulla_store::{Store, StoreError};
use bulla_transport::{Transport, TransportError};
use bytes::Bytes;
use tracing::Instrument;

use super::active_business::ActiveBusiness;
use super::active_workers::Worker;
use super::attempts::{Attempt, Attempts};
use super::conversation::Conversation;
use super::deadline_scheduler::{Action, Deadline};
use super::identities::Changed;
use super::media_header::{dealt, headed};
use super::recipient_devices::{Audience, Recipients};
use super::rule_check::Admission;
use super::rule_state::Reserved;
use super::transaction::Transaction;
use super::{Inner, Relay, fill_template, trace_span};
use crate::limits::{LONGEST_LIFE, MAX_IDEMPOTENCY_BYTES, MAX_TRACKING_CHARS, MAX_WAITING};
use crate::metrics::{ACCEPTED, DEFERRED, UNQUOTED};
use crate::row::{Outbound, StoredEvent};
use crate::rules::{Fallback, Rule};
use crate::store_layout::{self, MESSAGE, SEEN};
use crate::{
    EventSink, Failure, MessageRef, Outgoing, OutgoingBody, Recipient, RelayError, Status, SubmitError,
    TemplateDefinition, TemplateRefusal,
};

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// Accepts `message` from the business number `from`.
    ///
    /// When this returns, the message is sealed, counted and durable, and will be sent; or, if the carrier
    /// knows no such user, it is durable that it failed, and the business will be told so. For a user whose
    /// new identity [waits for approval](crate::Report::IdentityChanged) it is durable and counted as
    /// accepted, and is sealed, counted for the bill and sent when the host approves, after what was accepted
    /// before it. What breaks a [rule](crate::Rules) is refused, fails or waits, as the rule says.
    ///
    /// A caller that drops the future does not take the message back: it is accepted or refused all the same.
    /// Who may have to ask again gives it a key ([`Outgoing::idempotency_key`]).
    ///
    /// # Errors
    /// [`SubmitError`]; then nothing was stored, counted or sent. After [`SubmitError::Stopped`] and
    /// [`SubmitError::Panicked`] it is unknown.
    ///
    /// # Cost
    /// One commit, shared with others that run at the same time; another on the first message of a
    /// conversation on a day, and one before it for a message with a key, and for one that lives for less
    /// than 30 days; the messaging limit has its own. An answer is looked up first. The first message to a
    /// user also asks the carrier for keys, and costs about a third of a millisecond of computation.
    pub async fn submit(&self, from: PhoneNumberId, message: Outgoing) -> Result<MessageRef, SubmitError> {
        let inner = Arc::clone(&self.0);
        let accepted = async {
            let tenant = self.0.tenant(from)?;
            let accepting = Arc::clone(&tenant);
            let accepted =
                self.0.see_through_for(&tenant, async move { inner.submit(&accepting, message).await });
            accepted.await.unwrap_or_else(Err)
        };
        accepted.await.inspect_err(|error| self.0.counts.refused(from, error))
    }
}

/// A message that has passed every check.
pub(super) struct Checked {
    to: Number,
    pub(super) content: Content,
    /// What it says by the business's own words, when that is another than what is sent: of media that is
    /// sealed for each message anew.
    pub(super) asked_for: Option<Content>,
    pub(super) message: Outgoing,
    /// What the template is that it is sent with.
    template: Option<Box<TemplateDefinition>>,
}

impl Checked {
    /// What it says when its media is at `attached`.
    pub(super) fn body_with(&self, attached: Vec<(AttachmentPointer, bool)>) -> Result<Body, SubmitError> {
        match (&self.message.body, &self.template) {
            (OutgoingBody::Template(sent), Some(template)) => {
                Ok(fill_template::body_of(template.render(sent, attached)?))
            }
            (OutgoingBody::Media(media), _) => {
                let (pointer, moves) = attached.into_iter().next().ok_or(SubmitError::UnknownMedia)?;
                Ok(media.body(pointer, moves)?)
            }
            (OutgoingBody::InteractiveWithMedia(interactive, media), _) => {
                let (pointer, moves) = attached.into_iter().next().ok_or(SubmitError::UnknownMedia)?;
                Ok(headed(interactive, media.body(pointer, moves)?)?)
            }
            (OutgoingBody::CarouselWithMedia(interactive, media), _) => {
                let shown =
                    media.iter().zip(attached).map(|(media, (pointer, moves))| media.body(pointer, moves));
                Ok(dealt(interactive, shown.collect::<Result<_, _>>()?)?)
            }
            _ => Ok(self.content.body().clone()),
        }
    }

    /// Says `body`, and remembers what was asked for.
    pub(super) fn say(&mut self, body: Body) {
        let content = Content::new(body);
        let content = match self.content.in_reply_to() {
            Some(id) => content.replying_to(id),
            None => content,
        };
        self.asked_for = Some(std::mem::replace(&mut self.content, content));
    }
}

/// A message that is about to be accepted, and what is sent of it.
struct Accepting {
    id: MessageId,
    content: Content,
    category: Category,
    outbound: Outbound,
    has_failed: bool,
}

/// Whether a device of a user can be written to.
pub(super) enum Reachable {
    /// There is a session, perhaps with another identity than before.
    InSession(Option<Changed>),
    /// The carrier knows no such user.
    Unknown,
    /// It is none of the user's, who has others.
    Gone,
    /// The user's new identity waits for approval; it may have come just now.
    Held(Option<Changed>),
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    async fn submit(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        message: Outgoing,
    ) -> Result<MessageRef, SubmitError> {
        check_bounds(&message)?;
        let conversation = match &message.to {
            Recipient::Number(number) => self.conversation(tenant, number),
            Recipient::UserId(user) => {
                Conversation { business: tenant.business(), user: tenant.user_ids.partition(*user) }
            }
        };
        tenant.gate.check(conversation.user)?;
        self.is_going_on(conversation)?;
        let _call = self.calls.begin(conversation)?;
        self.has_room_in(conversation, Worker::Outbox)?;
        let accepting = async {
            let accepted = self.accept_in(tenant, conversation, message).await;
            accepted.map_err(|error| self.refuse(tenant, conversation, error))
        };
        accepting.instrument(trace_span::about("accept", conversation, None)).await
    }

    async fn accept_in(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        mut message: Outgoing,
    ) -> Result<MessageRef, SubmitError> {
        let to = match &message.to {
            Recipient::Number(number) => number.clone(),
            Recipient::UserId(_) => self.number(conversation).await?.ok_or(SubmitError::UnknownUser)?,
        };
        let template = match &message.body {
            // Seldom, too: see below.
            OutgoingBody::Template(sent) => Some(Box::pin(self.definition_for(tenant, sent)).await?),
            _ => None,
        };
        let template = template.map(Box::new);
        if let Some(template) = &template {
            message.category = template.category();
        }
        let content = self.content(tenant, conversation, &message, template.as_deref()).await?;
        let mut checked = Checked { to, content, asked_for: None, message, template };
        self.bind_key(conversation, &checked).await?;
        let mut blobs = Vec::new();
        if !checked.message.body.media().is_empty() {
            // Seldom, and it takes long: it is not to be a part of what every message is accepted in, nor
            // done for one that was sent already.
            if let Some(first) = Box::pin(self.sent_under_key(tenant, conversation, &checked)).await? {
                return Ok(first);
            }
            blobs = Box::pin(self.attach(tenant, &mut checked)).await?;
        }
        let accepted = self.accept_checked(tenant, conversation, &checked).await;
        if accepted.is_err() {
            self.give_up_blobs(tenant, blobs).await;
        }
        accepted
    }

    async fn accept_checked(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        checked: &Checked,
    ) -> Result<MessageRef, SubmitError> {
        let mut attempts = Attempts::new();
        loop {
            attempts.begin()?;
            let _lock = self.lock(conversation.user).await?;
            if let Attempt::Done(reference) = self.try_submit(tenant, conversation, checked).await? {
                return Ok(reference);
            }
        }
    }

    async fn try_submit(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        checked: &Checked,
    ) -> Result<Attempt<MessageRef>, SubmitError> {
        let mut transaction = self.transaction(conversation).await?;
        let id = MessageId::new(transaction.now, &*self.rng);
        trace_span::is_about(id);
        if let Some(first) = self.claim_key(tenant, &mut transaction, id, checked).await? {
            return Ok(Attempt::Done(first));
        }
        if transaction.waiting() >= MAX_WAITING {
            return Err(SubmitError::TooManyWaiting { limit: MAX_WAITING });
        }
        let admission = {
            let Outgoing { category, fallback, .. } = &checked.message;
            self.admit(tenant, &mut transaction, *category, fallback.as_ref()).await?
        };
        let lives = self.time_to_live_of(&checked.message);
        let due = transaction.now.after(lives);
        let mut accepting = Accepting::new(id, checked, due);
        transaction.put_contact(&checked.to);
        let (changed, reserved) = match admission {
            Admission::Goes(instead, reserved) => {
                accepting.replace(instead);
                (self.seal_in(tenant, &mut transaction, checked, &mut accepting).await?, reserved)
            }
            Admission::Deferred(rule) => {
                let deferred = self.held(id, Some(accepting.category), &accepting.content);
                let deferred = deferred.with_fallback(checked.message.fallback.as_ref());
                accepting.outbound.outbox_place = transaction.push_deferred(&deferred);
                accepting.outbound.deferred = true;
                let rule = rule.map_or("order", Rule::name);
                metrics::counter!(DEFERRED, "rule" => rule).increment(1);
                (Vec::new(), None)
            }
            Admission::Fails(failure) => {
                accepting.fail(&mut transaction, failure);
                (Vec::new(), None)
            }
        };
        let key = store_layout::about(MESSAGE, conversation.business, id);
        let expiry = transaction.expiry();
        transaction.batch.expect_absent(key.clone());
        transaction.batch.put_until(key, accepting.outbound.to_bytes(), expiry);
        // One that lives as long as any is found by a sweep.
        let deadline = (lives < LONGEST_LIFE && !accepting.has_failed).then_some(Deadline {
            due,
            id,
            action: Action::Fail,
            conversation,
        });
        self.mark_deadlines(conversation.business, deadline.as_slice()).await?;
        let reserved = reserved.filter(|_| !accepting.has_failed);
        if let Some(reserved) = &reserved {
            self.put_recipient(conversation.business, reserved, transaction.now).await?;
        }
        let committed = self.commit(transaction).await;
        if !matches!(committed, Ok(false)) {
            // Also when it is not known.
            reserved.into_iter().for_each(Reserved::keep);
        }
        let committed = committed?;
        if committed {
            if let Some(deadline) = deadline {
                self.note_deadline(deadline);
            }
            tracing::debug!("accepted");
            self.counts.accepted();
            metrics::counter!(ACCEPTED, "category" => accepting.category.name()).increment(1);
            self.tell_identities(tenant, conversation, changed);
        }
        Ok(Attempt::of(committed, MessageRef::new(id, tenant.user_ids.user_id(conversation.user))))
    }

    /// Seals what is accepted into `transaction`, for each device of the user, if the user can be written to,
    /// or holds it, or fails it. Which of them have another identity than before.
    async fn seal_in(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        transaction: &mut Transaction,
        checked: &Checked,
        accepting: &mut Accepting,
    ) -> Result<Vec<Changed>, SubmitError> {
        let (id, category) = (accepting.id, accepting.category);
        let audience = match transaction.has_held() {
            // It is not to pass what was accepted before it.
            true => Audience::Held(Recipients::default()),
            false => self.audience(tenant, transaction, &checked.to).await?,
        };
        match audience {
            Audience::Held(recipients) => {
                let held = self.held(id, Some(category), &accepting.content);
                accepting.outbound.outbox_place = transaction.push_held(&held);
                accepting.outbound.held = true;
                self.pending_approval.note(transaction.conversation);
                Ok(recipients.put(transaction))
            }
            Audience::InSession(mut recipients) => {
                let words = self.encoded(&accepting.content);
                let what = (&accepting.content, words);
                let sealed = recipients.seal((id, category), what, transaction.now, &*self.rng);
                let expiry = transaction.expiry();
                sealed.map_err(SubmitError::Seal)?.put(transaction, (id, &mut accepting.outbound), expiry);
                accepting.outbound.in_window = transaction.window().is_open();
                transaction.count_sent(category, &checked.to);
                Ok(recipients.put(transaction))
            }
            Audience::Unknown => {
                accepting.fail(transaction, Failure::Undeliverable);
                Ok(Vec::new())
            }
        }
    }

    /// How long `message` lives: as long as it says, or else as others of its category do. Not quite as long
    /// as anything is remembered, so that there is something left to tell of.
    fn time_to_live_of(&self, message: &Outgoing) -> Duration {
        let lives = message.time_to_live.unwrap_or_else(|| self.settings.lives(message.category));
        lives.span().min(LONGEST_LIFE)
    }

    /// The content of `message`. What it reacts to is of the same conversation; so is what it answers, or it
    /// answers nothing.
    async fn content(
        &self,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        message: &Outgoing,
        template: Option<&TemplateDefinition>,
    ) -> Result<Content, SubmitError> {
        let is_of_conversation =
            |reference: MessageRef| reference.user() == tenant.user_ids.user_id(conversation.user);
        let body = match &message.body {
            OutgoingBody::Text(text) => Body::Text(text.clone()),
            OutgoingBody::Reaction { to, .. } if !is_of_conversation(*to) => {
                return Err(SubmitError::OtherConversation { field: "reaction" });
            }
            OutgoingBody::Reaction { to, emoji } => Body::Reaction(reaction(to.id(), emoji.as_deref())?),
            OutgoingBody::Location(location) => Body::Location(location.clone()),
            OutgoingBody::Contacts(contacts) => Body::Contacts(contacts.clone()),
            OutgoingBody::Interactive(interactive) => Body::Interactive(interactive.clone()),
            OutgoingBody::Media(media) => self.media_body(tenant, media).await?,
            OutgoingBody::InteractiveWithMedia(interactive, media) => {
                headed(interactive, self.media_body(tenant, media).await?)?
            }
            OutgoingBody::CarouselWithMedia(interactive, media) => {
                let mut shown = Vec::new();
                // One more than there can be cards is enough to be refused.
                for media in media.iter().take(MAX_CARDS + 1) {
                    shown.push(Box::pin(self.media_body(tenant, media)).await?);
                }
                dealt(interactive, shown)?
            }
            OutgoingBody::Template(sent) => {
                let unknown = TemplateRefusal::Unknown { nearest: None };
                let template = template.ok_or(unknown)?;
                fill_template::body_of(Box::pin(self.rendered(tenant, template, sent)).await?)
            }
        };
        let content = Content::new(body);
        let Some(answered) = message.in_reply_to else { return Ok(content) };
        if is_of_conversation(answered) && self.is_known(conversation, answered.id()).await? {
            return Ok(content.replying_to(answered.id()));
        }
        metrics::counter!(UNQUOTED).increment(1);
        Ok(content)
    }

    /// Whether `message` was sent in `conversation`, one way or the other, and is not forgotten yet.
    async fn is_known(&self, conversation: Conversation, message: MessageId) -> Result<bool, StoreError> {
        for space in [SEEN, MESSAGE] {
            let key = store_layout::about(space, conversation.business, message);
            if self.store.get(conversation.user, &key, self.clock.now()).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes sure that there is a session with one device to seal in, if there can be one. What the carrier
    /// says of the others is noted in `transaction`.
    pub(super) async fn reachable(
        &self,
        tenant: &Arc<ActiveBusiness>,
        peer: &mut Peer<'_>,
        address: &Address,
        transaction: &mut Transaction,
    ) -> Result<Reachable, SubmitError> {
        if peer.is_held() {
            return Ok(Reachable::Held(None));
        }
        if !peer.needs_keys(transaction.now) && !peer.is_unlisted() {
            return Ok(Reachable::InSession(None));
        }
        // Seldom: it is not to be a part of what every message is sealed in.
        Box::pin(self.begin_session(tenant, peer, address, transaction)).await
    }

    /// Begins a session with the keys that the device has left with the carrier.
    async fn begin_session(
        &self,
        tenant: &Arc<ActiveBusiness>,
        peer: &mut Peer<'_>,
        address: &Address,
        transaction: &mut Transaction,
    ) -> Result<Reachable, SubmitError> {
        match self.transport.bundle(&tenant.caller, address).await {
            Ok(keys) => match self.begin_listed(tenant, transaction, peer, &keys).await {
                Ok(begun) => Ok(Reachable::InSession(Changed::of(peer, begun.identity_changed))),
                Err(SealError::IdentityChanged) => Ok(Reachable::Held(Changed::of(peer, true))),
                Err(error) => Err(SubmitError::Seal(error)),
            },
            Err(TransportError::UnknownRecipient) => Ok(Reachable::Unknown),
            Err(TransportError::Devices { now }) => {
                transaction.set_devices(now);
                Ok(Reachable::Gone)
            }
            // It does not know this installation yet: that the one before is replaced is for it to hear.
            Err(error @ TransportError::Fenced { reinstalled: true, .. })
                if !tenant.is_connected.load(Ordering::Relaxed) =>
            {
                Err(SubmitError::Unavailable(error))
            }
            Err(error @ TransportError::Fenced { ours, .. }) => {
                self.suspend_business(tenant, Arc::new(RelayError::Transport(error)));
                Err(SubmitError::Fenced { ours })
            }
            Err(error) => Err(SubmitError::Unavailable(error)),
        }
    }
}

impl Accepting {
    fn new(id: MessageId, checked: &Checked, due: Timestamp) -> Self {
        let Outgoing { category, tracking, body, .. } = &checked.message;
        let mut outbound = Outbound::new(&checked.to, *category, tracking.clone(), due);
        outbound.reaction = matches!(body, OutgoingBody::Reaction { .. });
        Self { id, content: checked.content.clone(), category: *category, outbound, has_failed: false }
    }

    /// Has `instead` go in its place, if there is something.
    fn replace(&mut self, instead: Option<Fallback>) {
        let Some(fallback) = instead else { return };
        self.content = Content::new(Body::Text(fallback.body().clone()));
        self.category = fallback.category();
        self.outbound.set_category(self.category);
        self.outbound.reaction = false;
    }

    /// Has it fail, of which the business is told.
    fn fail(&mut self, transaction: &mut Transaction, failure: Failure) {
        let failed = Status::Failed(failure);
        self.outbound.advance(failed);
        self.has_failed = true;
        transaction.reached.push(failed);
        let (expiry, now) = (transaction.expiry(), transaction.now);
        transaction.push_event(&StoredEvent::status_of(self.id, &self.outbound, now, failed), expiry);
    }
}

fn check_bounds(message: &Outgoing) -> Result<(), SubmitError> {
    let too_long = |field, unit, limit, actual| {
        if actual > limit { Err(SubmitError::TooLong { field, unit, actual, limit }) } else { Ok(()) }
    };
    let tracking = message.tracking.as_ref().map_or(0, |text| text.chars().count());
    too_long("tracking", "characters", MAX_TRACKING_CHARS, tracking)?;
    let key = message.idempotency_key.as_ref().map_or(0, Bytes::len);
    too_long("idempotency key", "bytes", MAX_IDEMPOTENCY_BYTES, key)
}

fn reaction(to: MessageId, emoji: Option<&str>) -> Result<Reaction, InvalidContent> {
    match emoji {
        Some(emoji) => Reaction::put(to, emoji),
        None => Ok(Reaction::removed(to)),
    }
}
