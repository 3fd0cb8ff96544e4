use std::sync::Arc;

use bulla_base::{Address, HASHING, MessageId, Number, PhoneNumberId, without_trace};
use bulla_content::{Body, Content, InvalidContent, Reaction};
use bulla_endpoint::Peer;
use bulla_envelope::Kind;
use bulla_meter::{Flow, Tally};
use bulla_store::{Counter, Key, Store};
use bulla_transport::{Transport, TransportError};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tracing::Instrument;

use super::conversation::{ATTEMPTS, Conversation, Draft};
use super::voice::Voice;
use super::{Inner, Relay, span};
use crate::limits::{MAX_IDEMPOTENCY_BYTES, MAX_TRACKING_CHARS};
use crate::metrics::ACCEPTED;
use crate::row::{Outbound, Pending};
use crate::space::{self, MESSAGE, METER, ONCE};
use crate::{AcceptError, Failure, Handle, Outgoing, Recipient, RelayError, Saying, Sink, Status};

impl<S: Store, T: Transport, K: Sink> Relay<S, T, K> {
    /// Accepts `message` from the business number `from`.
    ///
    /// When this returns, the message is sealed, counted and durable, and will be sent; or, if the carrier knows no such user, it is durable
    /// that it failed, and the business will be told so.
    ///
    /// A caller that drops the future does not take the message back: it is accepted or refused all the same. Who may have to ask again
    /// gives it a key ([`Outgoing::once`]).
    ///
    /// # Errors
    /// [`AcceptError`]; then nothing was stored, counted or sent. After [`AcceptError::Store`] with a poisoned store it is unknown.
    ///
    /// # Cost
    /// One commit, shared with others that run at the same time; another on the first message of a conversation on a day. The first message
    /// to a user also asks the carrier for keys, and costs about a third of a millisecond of computation.
    pub async fn accept(&self, from: PhoneNumberId, message: Outgoing) -> Result<Handle, AcceptError> {
        let inner = Arc::clone(&self.0);
        let voice = self.0.voice(from)?;
        let accepting = Arc::clone(&voice);
        let accepted = self.0.see_through_for(&voice, async move { inner.accept(&accepting, message).await });
        accepted.await.unwrap_or_else(Err)
    }
}

/// A message that has passed every check.
struct Checked {
    to: Number,
    content: Content,
    message: Outgoing,
}

impl<S: Store, T: Transport, K: Sink> Inner<S, T, K> {
    async fn accept(self: &Arc<Self>, voice: &Arc<Voice>, message: Outgoing) -> Result<Handle, AcceptError> {
        check_bounds(&message)?;
        let conversation = match &message.to {
            Recipient::Number(number) => self.conversation(voice, number),
            Recipient::UserId(user) => {
                Conversation { business: voice.business(), user: voice.scope.partition(*user) }
            }
        };
        self.is_going_on(conversation)?;
        let accepting = async {
            let accepted = self.accept_in(voice, conversation, message).await;
            accepted.map_err(|error| self.refuse(voice, conversation, error))
        };
        accepting.instrument(span::about("accept", conversation, None)).await
    }

    async fn accept_in(
        self: &Arc<Self>,
        voice: &Arc<Voice>,
        conversation: Conversation,
        message: Outgoing,
    ) -> Result<Handle, AcceptError> {
        let to = match &message.to {
            Recipient::Number(number) => number.clone(),
            Recipient::UserId(_) => self.number(conversation.user).await?.ok_or(AcceptError::UnknownUser)?,
        };
        let content = content(voice, conversation, &message)?;
        let checked = Checked { to, content, message };
        for _ in 0..ATTEMPTS {
            let _lane = self.lane(conversation.user).await?;
            if let Some(handle) = self.try_accept(voice, conversation, &checked).await? {
                return Ok(handle);
            }
        }
        Err(AcceptError::InTheWay { attempts: ATTEMPTS })
    }

    /// One attempt; nothing when another changed the conversation meanwhile.
    async fn try_accept(
        self: &Arc<Self>,
        voice: &Arc<Voice>,
        conversation: Conversation,
        checked: &Checked,
    ) -> Result<Option<Handle>, AcceptError> {
        let mut draft = self.draft(conversation).await?;
        let id = MessageId::new(draft.now, &*self.rng);
        span::is_about(id);
        if let Some(first) = self.claim_key(voice, &mut draft, id, checked).await? {
            return Ok(Some(first));
        }
        let mut outbound =
            Outbound::new(&checked.to, checked.message.category, checked.message.tracking.clone(), draft.now);
        outbound.reaction = matches!(checked.message.saying, Saying::Reaction { .. });
        draft.remember(&checked.to);

        let address = Address::user(checked.to.clone());
        let peer = voice.endpoint.peer(&self.store, conversation.user, &address, draft.now).await;
        let mut peer = peer.map_err(AcceptError::Seal)?;
        if self.reachable(voice, &mut peer, &address, &draft).await? {
            let kind = Kind::Message(checked.message.category);
            let sealed =
                peer.seal(id, kind, &checked.content, draft.now, &*self.rng).map_err(AcceptError::Seal)?;
            let (day, place) = draft.send(&sealed);
            (outbound.outbox_day, outbound.outbox_place) = (day.number(), place);
            peer.keep(&mut draft.batch);
            let tally =
                Tally::new(conversation.business, draft.now.day(), Flow::ToUser, checked.message.category);
            draft.batch.add(Counter::new(METER, tally.to_name().to_vec()), 1);
        } else {
            let failed = Status::Failed(Failure::Undeliverable);
            outbound.reach(failed);
            let expiry = draft.expiry();
            draft.tell(&Pending::reached(id, &outbound, draft.now, failed), expiry);
        }
        let key = space::about(MESSAGE, conversation.business, id);
        let expiry = draft.expiry();
        draft.batch.expect_absent(key.clone());
        draft.batch.put_until(key, outbound.to_bytes(), expiry);
        let committed = self.commit(draft).await?;
        if committed {
            tracing::debug!("accepted");
            metrics::counter!(ACCEPTED, "category" => checked.message.category.name()).increment(1);
        }
        Ok(committed.then(|| Handle::new(id, voice.scope.user_id(conversation.user))))
    }

    /// Makes sure that there is a session to seal in. False when the carrier knows no such user.
    async fn reachable(
        &self,
        voice: &Arc<Voice>,
        peer: &mut Peer<'_>,
        address: &Address,
        draft: &Draft,
    ) -> Result<bool, AcceptError> {
        if !peer.needs_keys(draft.now) {
            return Ok(true);
        }
        match self.transport.bundle(&voice.caller, address).await {
            Ok(keys) => {
                peer.begin(&self.store, &keys, draft.now, &*self.rng).await.map_err(AcceptError::Seal)?;
                Ok(true)
            }
            Err(TransportError::UnknownRecipient) => Ok(false),
            Err(error @ TransportError::Fenced { ours, .. }) => {
                self.suspend_business(voice, Arc::new(RelayError::Transport(error)));
                Err(AcceptError::Fenced { ours })
            }
            Err(error) => Err(AcceptError::Unavailable(error)),
        }
    }

    /// Claims the message's idempotency key, if it has one. The handle of the message sent under it before, if there is one.
    async fn claim_key(
        &self,
        voice: &Voice,
        draft: &mut Draft,
        id: MessageId,
        checked: &Checked,
    ) -> Result<Option<Handle>, AcceptError> {
        let Some(key) = &checked.message.idempotency_key else { return Ok(None) };
        let (business, user) = (draft.conversation.business, draft.conversation.user);
        let name = space::named(business, &without_trace::<HASHING, _>(|| Sha256::digest(key)));
        let scan = space::all(ONCE, draft.now).prefix(name.clone()).limit(1);
        let fingerprint = fingerprint(checked);
        if let Some((_, record)) = self.store.scan(user, &scan, draft.now).await?.first() {
            let (first, of) = record.value.split_at_checked(16).unwrap_or_default();
            let first = MessageId::from_bytes(first);
            let first = first.map_err(|_| bulla_store::StoreError::Damaged { what: "idempotency key" })?;
            let same = of == fingerprint;
            let handle = Handle::new(first, voice.scope.user_id(user));
            return if same { Ok(Some(handle)) } else { Err(AcceptError::KeyReused) };
        }
        let value = [&id.as_bytes()[..], &fingerprint].concat();
        let (key, expiry) = (Key::dated(ONCE, draft.now.day(), name), draft.expiry());
        draft.batch.expect_absent(key.clone());
        draft.batch.put_until(key, value, expiry);
        Ok(None)
    }
}

/// What makes a message the same as another sent under its idempotency key.
fn fingerprint(checked: &Checked) -> Bytes {
    // With randomness that never varies, a content has one encoding.
    let encoded = checked.content.encode(&bulla_base::SeededRng::new(0));
    let digest = || {
        Sha256::new()
            .chain_update(encoded.plaintext())
            .chain_update([checked.message.category.code()])
            .chain_update(checked.message.tracking.as_deref().unwrap_or_default())
            .finalize()
    };
    Bytes::copy_from_slice(&without_trace::<HASHING, _>(digest))
}

fn check_bounds(message: &Outgoing) -> Result<(), AcceptError> {
    let too_long = |field, unit, limit, actual| {
        if actual > limit { Err(AcceptError::TooLong { field, unit, actual, limit }) } else { Ok(()) }
    };
    let tracking = message.tracking.as_ref().map_or(0, |text| text.chars().count());
    too_long("tracking", "characters", MAX_TRACKING_CHARS, tracking)?;
    let key = message.idempotency_key.as_ref().map_or(0, Bytes::len);
    too_long("idempotency key", "bytes", MAX_IDEMPOTENCY_BYTES, key)
}

/// The content of `message`, with every message it refers to in the same conversation.
fn content(voice: &Voice, conversation: Conversation, message: &Outgoing) -> Result<Content, AcceptError> {
    let of_conversation = |field, handle: Handle| {
        let same = handle.user() == voice.scope.user_id(conversation.user);
        if same { Ok(handle.id()) } else { Err(AcceptError::OtherConversation { field }) }
    };
    let body = match &message.saying {
        Saying::Text(text) => Body::Text(text.clone()),
        Saying::Reaction { to, emoji } => {
            let to = of_conversation("reaction", *to)?;
            Body::Reaction(reaction(to, emoji.as_deref())?)
        }
    };
    let content = Content::new(body);
    match message.in_reply_to {
        Some(handle) => Ok(content.replying_to(of_conversation("context", handle)?)),
        None => Ok(content),
    }
}

fn reaction(to: MessageId, emoji: Option<&str>) -> Result<Reaction, InvalidContent> {
    match emoji {
        Some(emoji) => Reaction::put(to, emoji),
        None => Ok(Reaction::removed(to)),
    }
}
