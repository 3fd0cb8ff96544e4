//! Events that their business did not take, however often they were offered.

use std::sync::Arc;

use bulla_base::{Day, Partition, PhoneNumberId};
use bulla_store::{Batch, Expiry, Key, Retention, Store, StoreError};
use bulla_transport::Transport;
use bytes::Bytes;
use tracing::Instrument;

use super::active_business::ActiveBusiness;
use super::attempts::Attempts;
use super::conversation::Conversation;
use super::forward_events::event;
use super::queue_page::QueuedRow;
use super::{Inner, Relay, trace_span};
use crate::metrics::DEAD_LETTERS as COUNTER;
use crate::row::StoredEvent;
use crate::store_layout::{self, DEAD_LETTERS};
use crate::{BusinessError, Event, EventSink, RelayError, Report, UserId};

/// An event that its business did not take, however often it was offered, and that does not hold up the
/// others any more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// What names it to [`Relay::replay`] and [`Relay::discard`].
    pub id: DeadLetterId,
    /// The event.
    pub event: Event,
}

/// A dead letter of a business, by the day on which it became one, the user it is about and its former place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeadLetterId {
    day: Day,
    user: UserId,
    place: u64,
}

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// Some of the dead letters of `business`, those after the one named `after`, from the oldest day on;
    /// none when there are no more. See [`Settings::event_tries`](crate::Settings::event_tries).
    ///
    /// # Errors
    /// [`BusinessError::Unknown`] for a business the relay does not have; [`BusinessError::Store`] when the
    /// store fails, or one cannot be read.
    ///
    /// # Cost
    /// A scan of at most 128 names, and a look-up for each.
    pub async fn dead_letters(
        &self,
        business: PhoneNumberId,
        after: Option<DeadLetterId>,
    ) -> Result<Vec<DeadLetter>, BusinessError> {
        let inner = Arc::clone(&self.0);
        let listing = async move {
            let tenant = inner.businesses.tenant(business).ok_or(BusinessError::Unknown { business })?;
            let found = inner.list_dead_letters(&tenant, after).await;
            found.map_err(|error| inner.survive(error).map_or(BusinessError::Stopped, BusinessError::Store))
        };
        let found = self.0.see_through(listing.instrument(trace_span::call("dead letters", Some(business))));
        found.await.unwrap_or(Err(BusinessError::Stopped))
    }

    /// Offers a dead letter to the business once more, behind the events that wait for it: as often as any
    /// event. False when there is none of this name: its time is over, its user was erased, or it was
    /// replayed or discarded before.
    ///
    /// # Errors
    /// As [`dead_letters`](Self::dead_letters).
    pub async fn replay(&self, business: PhoneNumberId, id: DeadLetterId) -> Result<bool, BusinessError> {
        self.take_out(business, id, true).await
    }

    /// Forgets a dead letter: the business never gets it. False as for [`replay`](Self::replay).
    ///
    /// # Errors
    /// As [`dead_letters`](Self::dead_letters).
    pub async fn discard(&self, business: PhoneNumberId, id: DeadLetterId) -> Result<bool, BusinessError> {
        self.take_out(business, id, false).await
    }

    async fn take_out(
        &self,
        business: PhoneNumberId,
        id: DeadLetterId,
        again: bool,
    ) -> Result<bool, BusinessError> {
        let inner = Arc::clone(&self.0);
        let taking = async move {
            let tenant = inner.businesses.tenant(business).ok_or(BusinessError::Unknown { business })?;
            let conversation = Conversation { business, user: tenant.user_ids.partition(id.user) };
            trace_span::is_with(conversation.user);
            match inner.take_dead_letter(conversation, id, again).await {
                Ok(is_done) => Ok(is_done),
                Err(RelayError::Store(error)) => {
                    Err(inner.survive(error).map_or(BusinessError::Stopped, BusinessError::Store))
                }
                Err(_) => Err(BusinessError::Contended),
            }
        };
        let call = if again { "replay" } else { "discard" };
        let done = self.0.see_through(taking.instrument(trace_span::call(call, Some(business))));
        done.await.unwrap_or(Err(BusinessError::Stopped))
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Takes an event out of the queue, which goes on behind it, and keeps it as a dead letter.
    pub(super) async fn set_event_aside(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        read: &QueuedRow,
        stored: &StoredEvent,
        expiry: Expiry,
    ) -> Result<(), RelayError> {
        let mut attempts = Attempts::new();
        loop {
            attempts.begin()?;
            let _lock = self.lock(conversation.user).await?;
            if !self.is_still(conversation.user, read).await? {
                return Ok(());
            }
            let mut transaction = self.transaction(conversation).await?;
            let day = transaction.now.day();
            // Before the letter: a mark that leads to nothing does no harm, a letter without one is never
            // listed.
            self.mark_dead_letter(conversation, day, read.place).await?;
            transaction.remove_from_events(read.place);
            let key = letter(conversation, day, read.place);
            transaction.batch.put_until(key, stored.to_bytes(), expiry);
            if self.commit(transaction).await? {
                let event = event(tenant, conversation, stored)?;
                let (business, subject) = (conversation.business, event.subject());
                metrics::counter!(COUNTER).increment(1);
                tracing::error!(%business, "an event is a dead letter: its business did not take it, however often");
                let (user, message) = (subject.user_id, subject.message);
                self.reports.tell(Report::DeadLetter { business, user, message });
                return Ok(());
            }
        }
    }

    async fn mark_dead_letter(
        &self,
        conversation: Conversation,
        day: Day,
        place: u64,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::new(self.home(conversation.business));
        batch.put_until(
            mark(conversation.user, day, place),
            Bytes::new(),
            Retention::LONGEST.from(self.clock.now()),
        );
        // It expects nothing, so nothing can be in the way.
        let _ = self.store.commit(batch).await?;
        Ok(())
    }

    async fn list_dead_letters(
        &self,
        tenant: &ActiveBusiness,
        after: Option<DeadLetterId>,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let (home, now) = (self.home(tenant.business()), self.clock.now());
        let everything = store_layout::all(DEAD_LETTERS, now);
        let mark_of = |id: DeadLetterId| mark(tenant.user_ids.partition(id.user), id.day, id.place);
        let mut scan = after.map_or_else(|| everything.clone(), |id| everything.clone().after(mark_of(id)));
        loop {
            let page = self.store.keys(home, &scan, now).await?;
            let Some(last) = page.last() else { return Ok(Vec::new()) };
            scan = everything.clone().after(last.clone());
            let mut found = Vec::new();
            for key in &page {
                let (user, day, place) = read_mark(key)?;
                let conversation = Conversation { business: tenant.business(), user };
                // Where there is none it was taken out, or its time was shorter than that of its mark.
                if let Some(record) = self.store.get(user, &letter(conversation, day, place), now).await? {
                    let id = DeadLetterId { day, user: tenant.user_ids.user_id(user), place };
                    let stored = StoredEvent::read(&record.value)?;
                    found.push(DeadLetter { id, event: event(tenant, conversation, &stored)? });
                }
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }

    async fn take_dead_letter(
        self: &Arc<Self>,
        conversation: Conversation,
        id: DeadLetterId,
        again: bool,
    ) -> Result<bool, RelayError> {
        let key = letter(conversation, id.day, id.place);
        let mut attempts = Attempts::new();
        loop {
            attempts.begin()?;
            let _lock = self.lock(conversation.user).await?;
            let mut transaction = self.transaction(conversation).await?;
            let Some(record) = self.store.get(conversation.user, &key, transaction.now).await? else {
                return Ok(false);
            };
            transaction.batch.expect_version(key.clone(), record.version);
            transaction.batch.delete(key.clone());
            if again {
                let expiry = record.expiry.unwrap_or_else(|| transaction.expiry());
                transaction.push_event(&StoredEvent::read(&record.value)?, expiry);
            }
            if self.commit(transaction).await? {
                let mut batch = Batch::new(self.home(conversation.business));
                batch.delete(mark(conversation.user, id.day, id.place));
                // It expects nothing, so nothing can be in the way; and a mark that stays behind leads to
                // nothing.
                let _ = self.store.commit(batch).await?;
                return Ok(true);
            }
        }
    }
}

/// Where a dead letter stands among what there is of its user.
fn letter(conversation: Conversation, day: Day, place: u64) -> Key {
    Key::dated(DEAD_LETTERS, day, store_layout::named(conversation.business, &place.to_be_bytes()))
}

/// The mark, among what there is of the business, that there is one.
fn mark(user: Partition, day: Day, place: u64) -> Key {
    Key::dated(DEAD_LETTERS, day, [&user.as_bytes()[..], &place.to_be_bytes()].concat())
}

/// What [`mark`] names.
fn read_mark(key: &Key) -> Result<(Partition, Day, u64), StoreError> {
    let damaged = || StoreError::Damaged { what: "mark" };
    let (user, place) = key.name().split_first_chunk().ok_or_else(damaged)?;
    let place = place.try_into().map_err(|_| damaged())?;
    Ok((Partition::from_bytes(*user), key.day(), u64::from_be_bytes(place)))
}
