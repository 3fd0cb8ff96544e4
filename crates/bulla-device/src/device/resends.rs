//! What a business could not open is sealed anew and sent again, without the user.

use std::sync::PoisonError;

use bulla_base::{Category, MessageId, PhoneNumberId, Retries};
use bulla_content::{Content, RetryRequest};
use bulla_endpoint::{Peer, Resend, SealError, SessionName};
use bulla_envelope::{Envelope, Kind};
use bulla_store::{BEFORE_ALL, Key, Retention, Scan, Store, StoreError};
use bulla_transport::{Transport, TransportError};
use bytes::Bytes;

use super::transaction::Transaction;
use super::{BACKOFF, Inner, SENDING};
use crate::event::Row;
use crate::limits::MAX_UNCONFIRMED;
use crate::metrics::RESENT;
use crate::store_layout::{self, UNCONFIRMED};
use crate::{DeviceError, SendError};
use bulla_endpoint::Unconfirmed;

/// In which session a message is sealed again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionFor {
    /// In another than the last time.
    WhatDidNotOpen,
    /// In the one in use.
    WhatIsLost,
}

/// How a session with a business is begun anew.
pub(super) enum Begun {
    /// There is one to seal in.
    InSession,
    /// There is none to be had: the carrier does not know the business, or its keys are unusable.
    Not,
}

impl<S: Store, T: Transport> Inner<S, T> {
    /// Remembers in `transaction` what the message `id` says, until the business confirms it; and forgets the
    /// oldest such message if there are too many.
    pub(super) async fn keep_content(
        &self,
        transaction: &mut Transaction,
        business: PhoneNumberId,
        id: MessageId,
        (content, session): (&Content, Option<SessionName>),
    ) -> Result<(), StoreError> {
        self.make_room(transaction).await?;
        let words = Bytes::copy_from_slice(content.encode(&*self.rng).plaintext());
        let row = Unconfirmed::new(session, words, self.endpoint.carrier_generation())
            .at_place(transaction.head.outbox.last());
        let key = store_layout::about(UNCONFIRMED, business, id);
        transaction.batch.put_until(key, row.to_bytes(), Retention::LONGEST.from(transaction.now));
        transaction.unconfirmed += 1;
        Ok(())
    }

    /// Forgets the oldest of what is not confirmed, if no more may be kept.
    async fn make_room(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        if self.unconfirmed_count() >= MAX_UNCONFIRMED
            && let Some(oldest) = self.oldest_unconfirmed().await?
        {
            transaction.batch.delete(oldest);
            transaction.unconfirmed -= 1;
        }
        Ok(())
    }

    /// The oldest message that is kept, or nearly so: what was asked for again may stand before it.
    async fn oldest_unconfirmed(&self) -> Result<Option<Key>, StoreError> {
        let first = async |scan: Scan| {
            Ok::<_, StoreError>(self.store.keys(self.home, &scan.limit(1), BEFORE_ALL).await?.pop())
        };
        let last = self.last_forgotten.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // From the beginning it would walk over everything that was ever deleted, for each message anew.
        let mut oldest = None;
        if let Some(last) = last {
            oldest = first(Scan::everything(UNCONFIRMED).after(last)).await?;
        }
        if oldest.is_none() {
            oldest = first(Scan::everything(UNCONFIRMED)).await?;
        }
        self.last_forgotten.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&oldest);
        Ok(oldest)
    }

    /// Forgets what a message of the user says: the business has confirmed it, or never will.
    pub(super) async fn forget_content(
        &self,
        transaction: &mut Transaction,
        business: PhoneNumberId,
        id: MessageId,
    ) -> Result<(), StoreError> {
        let key = store_layout::about(UNCONFIRMED, business, id);
        // It may be confirmed twice in one record.
        let is_forgotten = transaction.batch.deletes().contains(&key);
        if !is_forgotten && self.store.get(self.home, &key, transaction.now).await?.is_some() {
            transaction.batch.delete(key);
            transaction.unconfirmed -= 1;
        }
        Ok(())
    }

    /// How many messages of the user are kept in the store because they are not confirmed.
    pub(super) async fn count_unconfirmed(&self) -> Result<usize, StoreError> {
        let (mut count, mut scan) = (0, Scan::everything(UNCONFIRMED));
        loop {
            let page = self.store.keys(self.home, &scan, BEFORE_ALL).await?;
            let Some(last) = page.last() else { return Ok(count) };
            scan = Scan::everything(UNCONFIRMED).after(last.clone());
            count += page.len();
        }
    }

    /// Seals a message into `transaction` once more, as the business has asked for; or tells the user, once,
    /// that it is lost: it is not kept, or was sent as often as it ever is. Whether it is lost.
    ///
    /// What was sealed in the session that the request came in is sealed in a new one.
    pub(super) async fn send_again(
        &self,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        business: PhoneNumberId,
        request: RetryRequest,
    ) -> Result<bool, DeviceError> {
        let (id, now) = (request.message(), transaction.now);
        let key = store_layout::about(UNCONFIRMED, business, id);
        let record = self.store.get(self.home, &key, now).await?;
        let row = record.as_ref().map(|record| Unconfirmed::read(&record.value)).transpose()?;
        match row.map_or(Resend::Over, |row| row.asked_for(request.attempt(), now)) {
            Resend::UnderWay | Resend::Told => return Ok(false),
            Resend::Due(_) => {
                let sealing = self.seal_again(transaction, peer, (business, id), SessionFor::WhatDidNotOpen);
                if let Some(envelope) = sealing.await? {
                    transaction.push_outbox(&envelope);
                    metrics::counter!(RESENT, "reason" => "asked").increment(1);
                    return Ok(false);
                }
            }
            Resend::Over => {}
        }
        // What is asked for again and again is lost once.
        if record.is_none() {
            self.make_room(transaction).await?;
            transaction.unconfirmed += 1;
        }
        transaction.batch.put_until(key, Unconfirmed::lost().to_bytes(), Retention::LONGEST.from(now));
        transaction.push_event(&Row::new(id, business, now, None));
        Ok(true)
    }

    /// Seals what stands in the outbox at `place` for the business as it is now: what it was sealed for is no
    /// more. It keeps its place, so that nothing passes it. Nothing if it cannot be sent again.
    pub(super) async fn renew(
        &self,
        place: u64,
        envelope: &Envelope,
    ) -> Result<Option<Envelope>, DeviceError> {
        let mut retries = Retries::new(BACKOFF);
        loop {
            match self.try_renew(place, envelope).await {
                Err(DeviceError::Transport(error)) if error.may_pass() => {
                    self.pause(SENDING, &mut retries).await;
                }
                renewed => return renewed,
            }
        }
    }

    async fn try_renew(&self, place: u64, envelope: &Envelope) -> Result<Option<Envelope>, DeviceError> {
        let bulla_base::Party::Business(business) = *envelope.to().party() else { return Ok(None) };
        let _lane = self.lane.lock().await;
        let mut transaction = self.transaction().await?;
        let mut peer = self.endpoint.peer(&self.store, self.home, envelope.to(), transaction.now).await?;
        envelope.installation().into_iter().for_each(|gone| peer.retire_session(gone));
        let message = (business, envelope.id());
        let sealing = self.seal_again(&mut transaction, &mut peer, message, SessionFor::WhatDidNotOpen);
        let Some(sealed) = sealing.await? else { return Ok(None) };
        transaction.replace_in_outbox(place, &sealed);
        transaction.put_sessions(peer);
        self.commit(transaction).await?;
        metrics::counter!(RESENT, "reason" => "reinstalled").increment(1);
        Ok(Some(sealed))
    }

    /// The message `id`, sealed anew; nothing if it is not sent again.
    pub(super) async fn seal_again(
        &self,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        (business, id): (PhoneNumberId, MessageId),
        session: SessionFor,
    ) -> Result<Option<Envelope>, DeviceError> {
        let key = store_layout::about(UNCONFIRMED, business, id);
        let Some(record) = self.store.get(self.home, &key, transaction.now).await? else { return Ok(None) };
        let mut row = Unconfirmed::read(&record.value)?;
        let Some(time) = row.next_resend() else { return Ok(None) };
        if session == SessionFor::WhatDidNotOpen && row.was_sealed_in(peer.session()) {
            peer.retire();
        }
        if let Begun::Not = self.begin_if_needed(transaction, peer, business, id).await? {
            return Ok(None);
        }
        let kind = Kind::Message(Category::Service);
        let sealed = peer.seal(id, kind, &row.content()?, transaction.now, &*self.rng)?;
        let sealed = sealed.sent_again(time).map_err(SealError::TooLarge)?;
        row.resealed(peer.session(), time, transaction.now, peer.carrier_generation());
        let expiry = record.expiry.unwrap_or_else(|| Retention::LONGEST.from(transaction.now));
        transaction.batch.put_until(key, row.to_bytes(), expiry);
        Ok(Some(sealed))
    }

    /// Begins a session with the business if there is none to seal in, because of the message `id`.
    ///
    /// # Errors
    /// When the carrier does not answer, and when the store fails.
    pub(super) async fn begin_if_needed(
        &self,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        business: PhoneNumberId,
        id: MessageId,
    ) -> Result<Begun, DeviceError> {
        if !peer.needs_keys(transaction.now) {
            return Ok(Begun::InSession);
        }
        match Box::pin(self.begin(transaction, peer, business, id)).await {
            Ok(()) => Ok(Begun::InSession),
            Err(SendError::Store(error) | SendError::Seal(SealError::Store(error))) => Err(error.into()),
            Err(SendError::Unavailable(error)) if error.may_pass() => Err(error.into()),
            Err(SendError::Unavailable(
                error @ (TransportError::Fenced { .. } | TransportError::Removed),
            )) => Err(error.into()),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "no session can be begun with a business");
                Ok(Begun::Not)
            }
        }
    }
}
