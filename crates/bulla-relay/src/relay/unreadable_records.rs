use std::sync::Arc;

use bulla_base::{DeviceSet, Number, PhoneNumberId};
use bulla_store::{BEFORE_ALL, Batch, Key, QueueIndex, Scan, Space, Store, StoreError};
use bulla_transport::Transport;
use tracing::Instrument;

use super::conversation::Conversation;
use super::{Inner, Relay, trace_span};
use crate::row::{MessagePendingApproval, Outbound, OutboxEntry, QueueIndexes, ReceivedMedia, StoredEvent};
use crate::store_layout::{
    self, CONTACT, DEFERRED, EVENTS, HEAD, HELD, MESSAGE, ONCE, OUTBOX, RECEIVED_MEDIA, SEEN,
};
use crate::{BusinessError, EventSink, SuspendedPart, UserId};

/// What of a conversation could not be read, and was taken out of its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SetAside {
    /// Events the business will not get.
    pub events: usize,
    /// Envelopes that will not be sent. Their messages fail when their time is over.
    pub envelopes: usize,
    /// Messages of which no further status is told.
    pub messages: usize,
    /// Records of sessions and prekeys. What comes in them is asked for again, in new sessions.
    pub sessions: usize,
    /// The user's number, pointers to attachments, places in queues, guards against duplicates, idempotency
    /// keys.
    pub others: usize,
}

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// Removes what cannot be read of a conversation that is [suspended](Relay::suspended), so that it can be
    /// [resumed](Relay::resume), and says what that was. What can be read stays.
    ///
    /// A record may be readable again when the store or its keyring is mended: then do that, and only resume.
    ///
    /// # Errors
    /// [`BusinessError::NotSuspended`] when it is not suspended; [`BusinessError::Store`] when the store
    /// fails.
    ///
    /// # Cost
    /// Reads everything of the conversation.
    pub async fn set_aside(&self, business: PhoneNumberId, user: UserId) -> Result<SetAside, BusinessError> {
        let inner = Arc::clone(&self.0);
        let setting_aside = async move {
            let tenant = inner.businesses.tenant(business).ok_or(BusinessError::Unknown { business })?;
            let conversation = Conversation { business, user: tenant.user_ids.partition(user) };
            trace_span::is_with(conversation.user);
            let part = SuspendedPart::Conversation { business, user };
            inner.suspensions.of(conversation).ok_or(BusinessError::NotSuspended { part })?;
            let done = inner.remove_unreadable(conversation).await;
            done.map_err(|error| inner.survive(error).map_or(BusinessError::Stopped, BusinessError::Store))
        };
        let done =
            self.0.see_through(setting_aside.instrument(trace_span::call("set aside", Some(business))));
        done.await.unwrap_or(Err(BusinessError::Stopped))
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    async fn remove_unreadable(&self, conversation: Conversation) -> Result<SetAside, StoreError> {
        let Conversation { business, user } = conversation;
        let _lock = self.lock(user).await?;
        let prefix = || store_layout::of(business);
        let events = self.remove_unlike(conversation, EVENTS, prefix(), is_event).await?;
        let envelopes = self.remove_unlike(conversation, OUTBOX, prefix(), is_envelope).await?;
        let envelopes = envelopes + self.remove_unlike(conversation, HELD, prefix(), is_held).await?;
        let envelopes = envelopes + self.remove_unlike(conversation, DEFERRED, prefix(), is_held).await?;
        let messages = self.remove_unlike(conversation, MESSAGE, prefix(), is_message).await?;
        let mut others = self.remove_unlike(conversation, SEEN, prefix(), |_| true).await?;
        others += self.remove_unlike(conversation, ONCE, prefix(), |value| value.len() >= 16).await?;
        others += self.remove_unlike(conversation, CONTACT, prefix(), is_number).await?;
        others += self.remove_unlike(conversation, RECEIVED_MEDIA, prefix(), is_media).await?;
        others += self.mend_head(conversation).await?;
        let (home, now) = (self.home(business), self.clock.now());
        let sessions = bulla_endpoint::remove_unreadable(&self.store, home, user, business, now).await?;
        self.session_cache.forget(user);
        let done = SetAside { events, envelopes, messages, sessions, others };
        tracing::warn!(%business, ?done, "what cannot be read of a conversation was set aside");
        Ok(done)
    }

    /// Removes the records of `space` that do not open, or that are not what `is_good` knows.
    async fn remove_unlike(
        &self,
        conversation: Conversation,
        space: Space,
        prefix: bytes::Bytes,
        is_good: fn(&[u8]) -> bool,
    ) -> Result<usize, StoreError> {
        let (mut removed, everything) = (0, Scan::everything(space).prefix(prefix));
        let mut scan = everything.clone();
        loop {
            // By their keys: a page of values would fail with the first that does not open.
            let page = self.store.keys(conversation.user, &scan, BEFORE_ALL).await?;
            let Some(last) = page.last() else { return Ok(removed) };
            scan = everything.clone().after(last.clone());
            let mut batch = Batch::new(conversation.user);
            for key in page {
                let is_bad = match self.store.get(conversation.user, &key, self.clock.now()).await {
                    Ok(record) => record.is_some_and(|record| !is_good(&record.value)),
                    Err(error) if error.is_of_a_record() => true,
                    Err(error) => return Err(error),
                };
                if is_bad {
                    removed += 1;
                    batch.delete(key);
                }
            }
            if batch.writes() {
                let _ = self.store.commit(batch).await?;
            }
        }
    }

    /// Puts the next places behind the last that are taken, if they cannot be read: a place is never given
    /// out twice.
    async fn mend_head(&self, conversation: Conversation) -> Result<usize, StoreError> {
        let key = Key::undated(HEAD, store_layout::of(conversation.business));
        match self.store.get(conversation.user, &key, self.clock.now()).await {
            Ok(record) if record.as_ref().is_none_or(|record| QueueIndexes::read(&record.value).is_ok()) => {
                return Ok(0);
            }
            Err(error) if !error.is_of_a_record() => return Err(error),
            _ => {}
        }
        let head = QueueIndexes {
            outbox: self.places(conversation, OUTBOX).await?,
            events: self.places(conversation, EVENTS).await?,
            held: self.places(conversation, HELD).await?,
            deferred: self.places(conversation, DEFERRED).await?,
            // Every window is closed until its user writes, and rates begin anew.
            last_incoming: None,
            paid: None,
            // The carrier says it again.
            devices: DeviceSet::EMPTY,
        };
        let mut batch = Batch::new(conversation.user);
        batch.put(key, head.to_bytes());
        let _ = self.store.commit(batch).await?;
        Ok(1)
    }

    /// The places of a queue that are taken, as its records show them, and on which day each stands.
    async fn places(&self, conversation: Conversation, space: Space) -> Result<QueueIndex, StoreError> {
        let everything = Scan::everything(space).prefix(store_layout::of(conversation.business));
        let (mut places, mut scan) = (Vec::new(), everything.clone());
        loop {
            let page = self.store.keys(conversation.user, &scan, BEFORE_ALL).await?;
            let Some(last) = page.last() else { return Ok(QueueIndex::of(places)) };
            scan = everything.clone().after(last.clone());
            places.extend(page.iter().filter_map(|key| {
                let place = key.name().get(8..)?.try_into().ok()?;
                Some((key.day(), u64::from_be_bytes(place)))
            }));
        }
    }
}

fn is_event(value: &[u8]) -> bool {
    let Ok(event) = StoredEvent::read(value) else { return false };
    let is_whole = match event.message_content() {
        Ok(Some(_)) => true,
        Ok(None) => event.status().is_ok() && event.of_category().is_ok(),
        Err(_) => false,
    };
    is_whole && event.message().is_ok() && event.user().is_ok()
}

fn is_envelope(value: &[u8]) -> bool {
    OutboxEntry::read(bytes::Bytes::copy_from_slice(value)).is_ok()
}

fn is_held(value: &[u8]) -> bool {
    MessagePendingApproval::read(value)
        .is_ok_and(|held| held.id().is_ok() && held.of_category().is_ok() && held.content().is_ok())
}

fn is_message(value: &[u8]) -> bool {
    Outbound::read(value).is_ok_and(|message| message.stage().is_ok())
}

fn is_media(value: &[u8]) -> bool {
    ReceivedMedia::read(value).and_then(|media| media.pointer()).is_ok()
}

fn is_number(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|digits| Number::parse(digits).is_ok())
}
