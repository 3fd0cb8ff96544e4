//! What a business has sent and the device cannot open is asked for again, until it comes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::{Address, MessageId, PhoneNumberId, Retries, Timestamp};
use bulla_content::{Body, Content, RetryRequest};
use bulla_endpoint::{Peer, RetrySchedule};
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Retention, Scan, Store, StoreError};
use bulla_transport::Transport;
use tokio::sync::Notify;

use super::resends::Begun;
use super::transaction::Transaction;
use super::{ASKING, BACKOFF, Inner};
use crate::DeviceError;
use crate::event::Row;
use crate::limits::{MAX_ASKED_FOR, MAX_ASKED_FOR_PER_RECORD};
use crate::metrics::{ASKED, DROPPED};
use crate::store_layout;

/// What is asked for, and when it is asked for once more.
#[derive(Debug, Default)]
pub(super) struct Asking {
    all: Mutex<BTreeMap<MessageId, (PhoneNumberId, Timestamp)>>,
    changed: Notify,
}

impl Asking {
    fn note(&self, business: PhoneNumberId, id: MessageId, next: Timestamp) {
        self.all().insert(id, (business, next));
        self.changed.notify_one();
    }

    /// Says that the message is not asked for any more. Whether it was.
    pub(super) fn forget(&self, id: MessageId) -> bool {
        self.all().remove(&id).is_some()
    }

    pub(super) fn is_asked_for(&self, id: MessageId) -> bool {
        self.all().contains_key(&id)
    }

    /// When the next is asked for.
    fn first(&self) -> Option<Timestamp> {
        self.all().values().map(|(_, next)| *next).min()
    }

    /// Whose time has come, by business.
    fn due(&self, now: Timestamp) -> BTreeMap<PhoneNumberId, Vec<MessageId>> {
        let mut due = BTreeMap::<_, Vec<_>>::new();
        for (id, (business, _)) in self.all().iter().filter(|(_, (_, next))| *next <= now) {
            due.entry(*business).or_default().push(*id);
        }
        due
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<MessageId, (PhoneNumberId, Timestamp)>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store, T: Transport> Inner<S, T> {
    /// Takes up what was asked for before this run.
    pub(super) async fn remember_asked(&self) -> Result<(), StoreError> {
        let mut scan = Scan::everything(store_layout::ASKED);
        loop {
            let page = self.store.scan(self.home, &scan, self.clock.now()).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            scan = Scan::everything(store_layout::ASKED).after(last.clone());
            for (key, record) in page {
                let (asked, (business, id)) =
                    (RetrySchedule::read(&record.value)?, store_layout::subject(&key)?);
                if !asked.has_ended() {
                    self.asking.note(business, id, asked.next());
                }
            }
        }
    }

    /// Asks for the message in `envelope`, which cannot be opened, again: for each time that it comes once. A
    /// first time in the session there is, if there is one: the business then seals in another.
    ///
    /// Nothing but messages is asked for, so nobody asks for a request again.
    pub(super) async fn ask_again(
        &self,
        mut transaction: Transaction,
        mut peer: Peer<'_>,
        business: PhoneNumberId,
        envelope: &Envelope,
    ) -> Result<(), DeviceError> {
        let (id, attempt) = (envelope.id(), envelope.attempt());
        let key = store_layout::about(store_layout::ASKED, business, id);
        let found = self.store.get(self.home, &key, transaction.now).await?;
        let before = found.map(|record| RetrySchedule::read(&record.value)).transpose()?;
        match &before {
            // It was asked for when it came first.
            Some(asked) if asked.covers(attempt) => return Ok(()),
            Some(_) => {}
            None if self.asking.all().len() >= MAX_ASKED_FOR => {
                metrics::counter!(DROPPED, "reason" => "too_many_asked_for").increment(1);
                tracing::warn!("too much cannot be opened to ask for all of it again");
                return Ok(());
            }
            None => {}
        }
        // If what was sealed after the last request does not open either: another session, then.
        let mut anew = before.is_some();
        let before = before.unwrap_or_else(|| RetrySchedule::never(transaction.now));
        let asked = before.once_more(attempt, transaction.now);
        let next = self.ask(&mut transaction, &mut peer, business, id, asked, &mut anew).await?;
        transaction.put_sessions(peer);
        self.commit(transaction).await?;
        self.note_asked(business, id, next);
        Ok(())
    }

    /// Puts into `transaction` that the message `id` is asked for once more, in a new session if that is to
    /// be begun `anew`; or, if it was asked for as often or for as long as any is, that it is lost. When it
    /// is asked for the next time, if it is.
    async fn ask(
        &self,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        business: PhoneNumberId,
        id: MessageId,
        asked: RetrySchedule,
        anew: &mut bool,
    ) -> Result<Option<Timestamp>, DeviceError> {
        let now = transaction.now;
        if asked.is_over(now) {
            transaction.push_event(&Row::lost(id, business, now));
            put_asked(transaction, business, id, asked.over());
            return Ok(None);
        }
        if std::mem::take(anew) {
            peer.retire();
        }
        if let Begun::InSession = self.begin_if_needed(transaction, peer, business, id).await? {
            let request = Content::new(Body::RetryRequest(RetryRequest::new(id, asked.attempt())));
            let envelope = MessageId::new(now, &*self.rng);
            let sealed = peer.seal(envelope, Kind::RetryRequest, &request, now, &*self.rng)?;
            transaction.push_outbox(&sealed);
        }
        put_asked(transaction, business, id, asked);
        Ok(Some(asked.next()))
    }

    fn note_asked(&self, business: PhoneNumberId, id: MessageId, next: Option<Timestamp>) {
        if let Some(next) = next {
            metrics::counter!(ASKED).increment(1);
            self.asking.note(business, id, next);
        } else {
            self.asking.forget(id);
            metrics::counter!(DROPPED, "reason" => "lost").increment(1);
            tracing::warn!("a message could not be opened, however often it was asked for");
        }
    }

    /// Asks once more for what did not come, for as long as the device runs: a request may be lost as well,
    /// for instance with the business's store.
    pub(super) async fn keep_asking(self: Arc<Self>) -> Result<(), DeviceError> {
        let mut retries = Retries::new(BACKOFF);
        loop {
            let now = self.clock.now();
            match self.asking.first() {
                None => self.asking.changed.notified().await,
                Some(next) if next > now => tokio::select! {
                    () = self.asking.changed.notified() => {}
                    () = self.clock.sleep(next.since(now)) => {}
                },
                Some(_) => match self.ask_for_due(now).await {
                    Ok(()) => retries.reset(),
                    Err(DeviceError::Transport(error)) if error.may_pass() => {
                        self.pause(ASKING, &mut retries).await;
                    }
                    Err(error) => return Err(error),
                },
            }
        }
    }

    async fn ask_for_due(&self, now: Timestamp) -> Result<(), DeviceError> {
        for (business, ids) in self.asking.due(now) {
            // One new session for all: each begun costs one of the business's one-time keys.
            let mut anew = true;
            for some in ids.chunks(MAX_ASKED_FOR_PER_RECORD) {
                self.ask_for(business, some, &mut anew).await?;
            }
        }
        Ok(())
    }

    /// Asks `business` for messages once more, the first of them in a session that is begun `anew`.
    async fn ask_for(
        &self,
        business: PhoneNumberId,
        ids: &[MessageId],
        anew: &mut bool,
    ) -> Result<(), DeviceError> {
        let _lane = self.lane.lock().await;
        let mut transaction = self.transaction().await?;
        let address = Address::business(business);
        let mut peer = self.endpoint.peer(&self.store, self.home, &address, transaction.now).await?;
        let mut asked = Vec::with_capacity(ids.len());
        for id in ids {
            let key = store_layout::about(store_layout::ASKED, business, *id);
            let found = self.store.get(self.home, &key, transaction.now).await?;
            let Some(before) = found.map(|record| RetrySchedule::read(&record.value)).transpose()? else {
                // It has come meanwhile, or its time is over.
                self.asking.forget(*id);
                continue;
            };
            let once_more = before.once_more(before.attempt(), transaction.now);
            asked.push((*id, self.ask(&mut transaction, &mut peer, business, *id, once_more, anew).await?));
        }
        if asked.is_empty() {
            return Ok(());
        }
        transaction.put_sessions(peer);
        self.commit(transaction).await?;
        asked.into_iter().for_each(|(id, next)| self.note_asked(business, id, next));
        Ok(())
    }
}

fn put_asked(transaction: &mut Transaction, business: PhoneNumberId, id: MessageId, asked: RetrySchedule) {
    let key = store_layout::about(store_layout::ASKED, business, id);
    transaction.batch.put_until(key, asked.to_bytes(), Retention::LONGEST.from(transaction.now));
}
