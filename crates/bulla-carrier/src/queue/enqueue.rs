//! Envelopes are queued: those that wait for one party at a time in one record.

use std::sync::{Arc, PoisonError};

use bulla_base::{Category, DeviceId, DeviceSet, Partition, Party, Timestamp};
use bulla_envelope::{Envelope, InvalidEnvelope, Kind};
use bulla_integrity::Promotions;
use bulla_store::{Commit, Key, Record, Store, StoreError, Version};
use bulla_transport::{SendOutcome, TransportError};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::index;
use super::round::{Admitted, GuardRecord, Guards, IndexRecord, QueueRecord, Round};
use crate::Carrier;
use crate::carrier::{not_alone, store_failed};
use crate::deduplication::{self, DeduplicationRecord, Seen};
use crate::limits::{MAX_ID_AGE, MAX_ID_LEAD};
use crate::one_time_key_usage::ONE_SIDE_EACH;
use crate::pending_sends::PendingSend;
use crate::protection::Held;
use crate::store_layout::{DUPLICATES, marketing, queue, queue_head};

/// Why an id is refused that was used before.
const ANOTHER_ENVELOPE: &str = "that of another envelope";

/// What a record came to.
enum Committed {
    Durably,
    /// Nothing is queued: an envelope that was presumed to be new was queued before. What was admitted.
    KnownBefore(Vec<Admitted>),
}

impl<S: Store> Carrier<S> {
    /// Queues `envelopes`, all for one party, and counts them, in one record; or finds that this was done
    /// before. Ends with the first that cannot be queued.
    pub(crate) async fn enqueue(&self, partition: Partition, mut envelopes: Vec<Envelope>) -> SendOutcome {
        let now = self.clock.now();
        let check = |envelope: &Envelope| check_route(envelope).and_then(|()| check_id(envelope, now));
        let checked = envelopes.iter().map(check).enumerate().find_map(|(at, is)| Some((at, is.err()?)));
        let mut refused = None;
        if let Some((at, error)) = checked {
            envelopes.truncate(at);
            refused = Some(error);
        }
        if envelopes.is_empty() {
            return SendOutcome { taken: 0, error: refused };
        }
        let sent = self.wait_in_line(partition, envelopes).await;
        let sent = sent.unwrap_or_else(SendOutcome::none);
        SendOutcome { error: sent.error.or(refused), taken: sent.taken }
    }

    async fn wait_in_line(
        &self,
        partition: Partition,
        envelopes: Vec<Envelope>,
    ) -> Result<SendOutcome, TransportError> {
        loop {
            let mut queued = self.pending.add(partition, envelopes.clone());
            let _lock = self.lock(partition).await?;
            // Others may have queued it meanwhile, or come with it now.
            loop {
                match queued.outcome() {
                    Ok(outcome) => return Ok(outcome),
                    Err(TryRecvError::Empty) => {
                        self.enqueue_all(partition, self.pending.take(partition)).await
                    }
                    // Whoever was at it has left before it was through.
                    Err(TryRecvError::Closed) => break,
                }
            }
        }
    }

    /// Queues what has arrived for one party, in one record, and tells everybody what became of it. To be
    /// called under its lock.
    async fn enqueue_all(&self, partition: Partition, arrived: Vec<PendingSend>) {
        // Nearly all are new, and the commit itself finds out if one is not.
        let round = Round::new(partition, self.clock.now(), Guards::Presumed);
        let (known_before, admitted) = self.enqueue_guarded(round, arrived).await;
        if !known_before.is_empty() {
            let mut round = Round::new(partition, self.clock.now(), Guards::Read);
            round.admitted_before = admitted;
            self.enqueue_guarded(round, known_before).await;
        }
    }

    /// Queues what has arrived. If an envelope that was presumed to be new is not, nothing was queued, and
    /// those who wait are returned, with what was admitted.
    async fn enqueue_guarded(
        &self,
        mut round: Round,
        arrived: Vec<PendingSend>,
    ) -> (Vec<PendingSend>, Vec<Admitted>) {
        for send in arrived.into_iter().filter(|send| !send.is_abandoned()) {
            let mut sent = SendOutcome::default();
            for envelope in &send.envelopes {
                if let Err(error) = self.place(&mut round, envelope).await {
                    sent.error = Some(error);
                    break;
                }
                sent.taken += 1;
            }
            match sent.taken {
                0 => send.tell(sent),
                _ => round.pending.push((send, sent)),
            }
        }
        if !round.placed.is_empty() {
            self.take_out_acknowledged(&mut round).await;
        }
        let (record, pending) = round.end();
        let mut outcome = Ok(Committed::Durably);
        if !record.placed.is_empty() {
            outcome = self.commit_record(record).await;
        }
        if let Ok(Committed::KnownBefore(admitted)) = outcome {
            return (pending.into_iter().map(|(send, _)| send).collect(), admitted);
        }
        for (send, sent) in pending {
            let same = if outcome.is_ok() { Ok(Committed::Durably) } else { Err(not_queued()) };
            let outcome = std::mem::replace(&mut outcome, same);
            send.tell(outcome.map_or_else(SendOutcome::none, |_| sent));
        }
        Default::default()
    }

    /// Commits what was placed, and hands it on. It goes on when whoever waits leaves: else it would be
    /// durable, and nobody would hear that it waits.
    async fn commit_record(&self, record: QueueRecord) -> Result<Committed, TransportError> {
        let QueueRecord { batch, placed, acknowledged, outcomes, firsts, guards, mut admitted } = record;
        let (store, tails, partition) = (Arc::clone(&self.store), Arc::clone(&self.tails), batch.partition());
        let noted = Arc::clone(&self.acknowledged);
        let (done, outcome) = oneshot::channel();
        let queued: Vec<Envelope> = placed.iter().map(|(_, envelope, _)| envelope.clone()).collect();
        let committing = async move {
            let outcome = store.commit(batch).await;
            if let Ok(Commit::Committed(_)) = outcome {
                outcomes.note();
                admitted.drain(..).filter_map(|(_, held)| held).for_each(Held::went);
                noted.settled(partition, &acknowledged);
                tails.settled(partition, &firsts);
                let places: Vec<_> =
                    placed.iter().map(|(place, envelope, _)| (envelope.to().device(), *place)).collect();
                tails.push_all(partition, placed);
                // Who reads the store may have seen it before.
                for (device, place) in places {
                    if noted.has(partition, device, place) {
                        tails.forget_through(partition, device, place);
                    }
                }
            }
            // Who has left does not hear it.
            let _ = done.send((outcome, admitted));
        };
        {
            // Dropped before the wait below: it is no lock to be held while a disk writes.
            let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
            while commits.try_join_next().is_some() {}
            commits.spawn(committing);
        }
        // It is cut short when the carrier is dropped.
        match outcome.await {
            Ok((Ok(Commit::Committed(_)), _)) => {
                queued.iter().for_each(|envelope| self.tallies.enqueued(envelope));
                Ok(Committed::Durably)
            }
            Ok((Ok(Commit::Conflict(key)), admitted))
                if guards == Guards::Presumed && key.space() == DUPLICATES =>
            {
                Ok(Committed::KnownBefore(admitted))
            }
            // The lock was ours, so only a second carrier on the same store can have come in between.
            Ok((Ok(_), _)) => Err(not_alone()),
            Ok((Err(error), _)) => Err(store_failed(error)),
            Err(error) => Err(TransportError::unavailable(error)),
        }
    }

    /// Gives `envelope` the next place in its recipient's queue, unless it was queued before in this
    /// generation of the store.
    async fn place(&self, round: &mut Round, envelope: &Envelope) -> Result<(), TransportError> {
        let known = envelope.devices();
        // What the sender knows of the recipient's devices is for the carrier alone.
        let envelope = envelope.clone().for_recipient();
        let wire = envelope.to_bytes();
        let (key, ours) =
            (deduplication::key(&envelope), DeduplicationRecord::of(&envelope, &wire, self.generation));
        if round.guard(&key).is_none() {
            // Of what is sent again, or to several devices, something was mostly queued before.
            let may_be_new = envelope.attempt() == 0 && known.is_none_or(|known| known.len() <= 1);
            match round.guards_are {
                Guards::Presumed if may_be_new => round.guards.push(GuardRecord::presumed(key.clone())),
                _ => self.read_guard(round, &key).await?,
            }
        }
        let mut seen = round.seen(&key, &ours);
        if matches!(seen, Seen::Never | Seen::BeforeRestore) {
            let takes = self.recipient_takes(round, &envelope, known).await;
            // Who comes a second time, because something was known before, was admitted the first time.
            let was_queued = round.guard(&key).is_some_and(|record| record.guard.is_some());
            let is_known = was_queued || round.was_admitted(&key);
            let marketing = match takes {
                Ok(()) if was_queued => Ok(None),
                Ok(()) => {
                    let (partition, now, used) = (round.partition, round.now, round.marketing);
                    let may_write = self.user_may_write(&envelope, now).await;
                    match may_write {
                        Ok(()) => self.takes_promotion(&envelope, partition, used, now).await,
                        Err(refused) => Err(refused),
                    }
                }
                Err(refused) => Err(refused),
            };
            let admitted = marketing
                .and_then(|marketing| self.admits(&envelope, is_known).map(|held| (held, marketing)));
            match admitted {
                Ok((held, marketing)) => {
                    self.read_head(round, envelope.to().device()).await?;
                    round.note_admitted(&key, held);
                    round.marketing = marketing.or(round.marketing);
                    // Behind the guard: who sends it again may do so on another day.
                    let (envelope, wire) = match self.stamps.stamp(&envelope, round.now) {
                        Some(stamp) => {
                            let stamped = envelope.stamped(stamp);
                            let wire = stamped.to_bytes();
                            (stamped, wire)
                        }
                        None => (envelope, wire),
                    };
                    round.put(envelope, wire, (key, ours));
                    return Ok(());
                }
                // What was queued before stays so, whatever has become of its recipient.
                Err(refused) => {
                    if round.is_presumed(&key) {
                        round.guards.retain(|record| record.key != key);
                        self.read_guard(round, &key).await?;
                        seen = round.seen(&key, &ours);
                    }
                    if seen == Seen::Never {
                        return Err(refused);
                    }
                }
            }
        }
        match seen {
            Seen::Another => Err(TransportError::Id { why: ANOTHER_ENVELOPE }),
            _ => Ok(()),
        }
    }

    /// Whether the user gets `envelope`, if it promotes something, and when they got the last of those then.
    async fn takes_promotion(
        &self,
        envelope: &Envelope,
        user: Partition,
        known: Option<Promotions>,
        now: Timestamp,
    ) -> Result<Option<Promotions>, TransportError> {
        let is_to_user = matches!(envelope.to().party(), Party::User(_));
        let is_promotion = envelope.kind() == Kind::Message(Category::Marketing) && is_to_user;
        if self.protection.is_none() || !is_promotion {
            return Ok(None);
        }
        let promotions = match known {
            Some(known) => known,
            None => self.marketing_of(user, now).await.map_err(store_failed)?,
        };
        let taken = promotions.take(now);
        taken.map(Some).map_err(|retry_after| TransportError::MarketingLimit { retry_after })
    }

    async fn marketing_of(&self, user: Partition, now: Timestamp) -> Result<Promotions, StoreError> {
        let today = now.day();
        let mut stored = self.store.get(user, &marketing(today), now).await?;
        if stored.is_none() {
            stored = self.store.get(user, &marketing(today.minus(1)), now).await?;
        }
        stored.map_or(Ok(Promotions::default()), |stored| {
            let promotions = stored.value[..].try_into().map(Promotions::from_bytes);
            promotions.map_err(|_| StoreError::Damaged { what: "promotions of a user" })
        })
    }

    /// Whether the recipient of `envelope` takes it, whose sender has said which of its devices are `known`.
    async fn recipient_takes(
        &self,
        round: &mut Round,
        envelope: &Envelope,
        known: Option<DeviceSet>,
    ) -> Result<(), TransportError> {
        // Under the lock, so that they stay as they are while the round is made.
        if round.tokens.is_none() {
            round.tokens = Some(self.device_tokens(round.partition).await?.1);
        }
        // Known is who has ever connected. One may write before one's keys have arrived, and must be able to
        // get the answer.
        let tokens = round.tokens.as_ref().ok_or(TransportError::UnknownRecipient)?;
        let device = envelope.to().device();
        let installation = tokens.installation(device);
        let is_replaced = installation.is_some_and(|is| envelope.installation().is_some_and(|was| was != is));
        if let Some(known) = known {
            match tokens.for_sender(known) {
                DeviceSet::EMPTY => return Err(TransportError::UnknownRecipient),
                // That the first device was replaced comes before what others there are, for it is the first
                // that names those: whoever believes the one that is no more believes none of the new list.
                now if now != known && !(is_replaced && device == DeviceId::PRIMARY) => {
                    return Err(TransportError::Devices { now });
                }
                _ => {}
            }
        }
        match (installation, is_replaced) {
            (None, _) => Err(TransportError::UnknownRecipient),
            (_, true) => Err(TransportError::Reinstalled),
            _ => Ok(()),
        }
    }

    /// Reads what was queued before of the message whose guard has this `key`.
    async fn read_guard(&self, round: &mut Round, key: &Key) -> Result<(), TransportError> {
        let record = self.store.get(round.partition, key, round.now).await.map_err(store_failed)?;
        let guard = record.as_ref().map(|record| DeduplicationRecord::read(&record.value)).transpose();
        let (guard, version) = (guard.map_err(store_failed)?, version(record));
        let is_changed = false;
        round.guards.push(GuardRecord { key: key.clone(), version, guard, is_changed, is_presumed: false });
        Ok(())
    }

    /// Reads the head of the queue of one of the party's devices, unless it is known.
    async fn read_head(&self, round: &mut Round, device: DeviceId) -> Result<(), TransportError> {
        if round.head(device).is_none() {
            let record = self.store.get(round.partition, &queue_head(device), round.now).await;
            let record = record.map_err(store_failed)?;
            let index = index(record.as_ref())?;
            round.heads.push(IndexRecord { device, version: version(record), index, is_changed: false });
        }
        Ok(())
    }

    /// Lets what the party's devices have acknowledged go with the record.
    async fn take_out_acknowledged(&self, round: &mut Round) {
        for (device, places) in self.acknowledged.of(round.partition) {
            // What cannot be read now holds up nothing: it is tried again by itself.
            if self.read_head(round, device).await.is_err() {
                continue;
            }
            let Some(head) = round.heads.iter().find(|head| head.device == device) else { continue };
            let counted = (&queue(round.partition, device), &head.index, &places);
            let counting = self.ledger.count(&*self.store, &mut round.batch, counted, round.now);
            if let Ok(outcomes) = counting.await {
                round.outcomes = round.outcomes.plus(outcomes);
                round.take_out(device, places);
            }
        }
    }
}

fn version(record: Option<Record>) -> Option<Version> {
    record.map(|record| record.version)
}

/// What the others hear when a record for several of them could not be written.
fn not_queued() -> TransportError {
    TransportError::carrier_failed("the carrier's store failed")
}

/// An envelope goes from a user to a business or the other way, and no other way.
fn check_route(envelope: &Envelope) -> Result<(), TransportError> {
    match (envelope.from().party(), envelope.to().party()) {
        (Party::User(_), Party::Business(_)) | (Party::Business(_), Party::User(_)) => Ok(()),
        _ => Err(InvalidEnvelope::Field { field: ONE_SIDE_EACH }.into()),
    }
}

fn check_id(envelope: &Envelope, now: Timestamp) -> Result<(), TransportError> {
    let made = envelope.id().time();
    if made < now.before(MAX_ID_AGE) {
        Err(TransportError::Id { why: "older than 30 days" })
    } else if made > now.after(MAX_ID_LEAD) {
        Err(TransportError::Id { why: "more than a day ahead" })
    } else {
        Ok(())
    }
}
