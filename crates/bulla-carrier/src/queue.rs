use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bulla_base::{Address, DeviceId, DeviceSet, Partition, Party, Timestamp};
use bulla_envelope::{Envelope, InvalidEnvelope};
use bulla_store::{
    Batch, Commit, Expiry, Key, QueueIndex, Queued, Record, Retention, Store, StoreError, TailRead, Version,
};
use bulla_transport::{Caller, Delivery, MAX_DELIVERIES, SendOutcome, Sequence, TransportError};
use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::acknowledged_envelopes::Places;
use crate::carrier::{not_alone, store_failed};
use crate::deduplication::{self, DeduplicationRecord, Seen};
use crate::limits::{MAX_COUNTED, MAX_ID_AGE, MAX_ID_LEAD};
use crate::one_time_key_usage::ONE_SIDE_EACH;
use crate::pending_sends::PendingSend;
use crate::store_layout::{FENCE, queue, queue_head};
use crate::{Carrier, meter, settling};

/// Why an id is refused that was used before.
const ANOTHER_ENVELOPE: &str = "that of another envelope";

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
        let mut round = Round::new(partition, self.clock.now());
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
        let mut outcome = Ok(());
        if !record.placed.is_empty() {
            outcome = self.commit_record(record).await;
        }
        for (send, sent) in pending {
            let same = if outcome.is_ok() { Ok(()) } else { Err(not_queued()) };
            let outcome = std::mem::replace(&mut outcome, same);
            send.tell(outcome.map_or_else(SendOutcome::none, |()| sent));
        }
    }

    /// Commits what was placed, and hands it on. It goes on when whoever waits leaves: else it would be
    /// durable, and nobody would hear that it waits.
    async fn commit_record(&self, record: QueueRecord) -> Result<(), TransportError> {
        let QueueRecord { batch, placed, acknowledged, firsts } = record;
        let (store, tails, partition) = (Arc::clone(&self.store), Arc::clone(&self.tails), batch.partition());
        let noted = Arc::clone(&self.acknowledged);
        let (done, outcome) = oneshot::channel();
        let queued: Vec<Envelope> = placed.iter().map(|(_, envelope, _)| envelope.clone()).collect();
        let committing = async move {
            let outcome = store.commit(batch).await;
            if let Ok(Commit::Committed(_)) = outcome {
                noted.settled(partition, &acknowledged);
                tails.settled(partition, &firsts);
                for (place, envelope, expiry) in placed {
                    let device = envelope.to().device();
                    tails.push(partition, place, envelope, expiry);
                    // Who reads the store may have seen it before.
                    if noted.has(partition, device, place) {
                        tails.forget_through(partition, device, place);
                    }
                }
            }
            // Who has left does not hear it.
            let _ = done.send(outcome);
        };
        {
            // Dropped before the wait below: it is no lock to be held while a disk writes.
            let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
            while commits.try_join_next().is_some() {}
            commits.spawn(committing);
        }
        // It is cut short when the carrier is dropped.
        match outcome.await {
            Ok(Ok(Commit::Committed(_))) => {
                queued.iter().for_each(|envelope| self.tallies.enqueued(envelope));
                Ok(())
            }
            // The lock was ours, so only a second carrier on the same store can have come in between.
            Ok(Ok(_)) => Err(not_alone()),
            Ok(Err(error)) => Err(store_failed(error)),
            Err(error) => Err(TransportError::unavailable(error)),
        }
    }

    /// Gives `envelope` the next place in its recipient's queue, unless it was queued before.
    async fn place(&self, round: &mut Round, envelope: &Envelope) -> Result<(), TransportError> {
        let known = envelope.devices();
        // What the sender knows of the recipient's devices is for the carrier alone.
        let envelope = envelope.clone().for_recipient();
        let wire = envelope.to_bytes();
        let (key, ours) = (deduplication::key(&envelope), DeduplicationRecord::of(&envelope, &wire));
        if round.guard(&key).is_none() {
            let record = self.store.get(round.partition, &key, round.now).await.map_err(store_failed)?;
            let guard = record.as_ref().map(|record| DeduplicationRecord::read(&record.value)).transpose();
            let (guard, version) = (guard.map_err(store_failed)?, version(record));
            round.guards.push(GuardRecord { key: key.clone(), version, guard, is_changed: false });
        }
        match round.guard(&key).and_then(|record| record.guard.as_ref()).map(|guard| guard.sees(&ours)) {
            None | Some(Seen::Never) => {}
            Some(Seen::Before) => return Ok(()),
            Some(Seen::Another) => return Err(TransportError::Id { why: ANOTHER_ENVELOPE }),
        }
        // Known is who has ever connected. One may write before one's keys have arrived, and must be able to
        // get the answer.
        let (_, tokens) = self.device_tokens(round.partition).await?;
        if let Some(known) = known {
            match tokens.for_sender(known) {
                DeviceSet::EMPTY => return Err(TransportError::UnknownRecipient),
                now if now != known => return Err(TransportError::Devices { now }),
                _ => {}
            }
        }
        let installation = tokens.installation(envelope.to().device());
        let installation = installation.ok_or(TransportError::UnknownRecipient)?;
        if envelope.installation().is_some_and(|sealed_for| sealed_for != installation) {
            return Err(TransportError::Reinstalled);
        }
        self.read_head(round, envelope.to().device()).await?;
        round.put(envelope, wire, (key, ours));
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
            if self.read_head(round, device).await.is_ok() {
                round.take_out(device, places);
            }
        }
    }

    /// The envelopes queued for `caller` after `after`; waits until there is one.
    pub(crate) async fn await_deliveries(
        &self,
        caller: &Caller,
        after: Sequence,
    ) -> Result<Vec<Delivery>, TransportError> {
        let partition = self.partition(caller.address());
        let mut queued = self.tails.watch(partition, caller.address().device());
        let mut fenced = self.store.watch(partition, FENCE);
        loop {
            // In boxes: everybody who waits would hold the room for them.
            drop(Box::pin(self.pass(caller)).await?);
            let deliveries = Box::pin(self.deliveries(caller.address(), after)).await?;
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
            tokio::select! {
                biased;
                () = fenced.changed() => {}
                () = queued.changed() => {}
            }
        }
    }

    /// What is queued for `caller` after `after` as of now, perhaps nothing.
    #[cfg(feature = "grpc")]
    pub(crate) async fn deliveries_now(
        &self,
        caller: &Caller,
        after: Sequence,
    ) -> Result<Vec<Delivery>, TransportError> {
        drop(Box::pin(self.pass(caller)).await?);
        self.deliveries(caller.address(), after).await
    }

    async fn deliveries(&self, to: &Address, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        let mut previous = after.number_in(self.epoch);
        let (partition, now) = (self.partition(to), self.clock.now());
        let read = || self.tails.read(partition, to.device(), previous, MAX_DELIVERIES, now);
        let found = match read() {
            Some(read) => read,
            None => {
                self.begin_tail(to).await?;
                TailRead::InStore
            }
        };
        let found = match found {
            TailRead::Here(found) => found,
            TailRead::Nothing => Vec::new(),
            TailRead::InStore => self.stored(to, previous).await?,
        };
        let mut deliveries = Vec::with_capacity(found.len());
        for (place, envelope) in found {
            let [sequence, before] = [place, previous].map(|place| Sequence::new(self.epoch, place));
            deliveries.push(Delivery::new(sequence, before, envelope));
            previous = place;
        }
        self.tallies.delivered(deliveries.len());
        Ok(deliveries)
    }

    /// From here on, what is queued for `to` is handed on in memory.
    async fn begin_tail(&self, to: &Address) -> Result<(), TransportError> {
        let partition = self.partition(to);
        let _lock = self.lock(partition).await?;
        let head = self.store.get(partition, &queue_head(to.device()), self.clock.now()).await;
        self.tails.begin(partition, to.device(), &index(head.map_err(store_failed)?.as_ref())?);
        Ok(())
    }

    /// What stands in the store for `to` after the place `after`.
    async fn stored(&self, to: &Address, after: u64) -> Result<Vec<(u64, Envelope)>, TransportError> {
        let queued = self.queued(to, after, MAX_DELIVERIES).await.map_err(store_failed)?;
        let read = |Queued { place, record, .. }: Queued| match Envelope::from_bytes(record.value) {
            Ok(envelope) => Some((place, envelope)),
            // It holds up nothing else.
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a queued envelope is damaged");
                None
            }
        };
        Ok(queued.into_iter().filter_map(read).collect())
    }

    /// What is queued for `to` after the place `after` and was not acknowledged, at most `limit`.
    async fn queued(&self, to: &Address, mut after: u64, limit: usize) -> Result<Vec<Queued>, StoreError> {
        let (partition, now) = (self.partition(to), self.clock.now());
        // Before anything is read: what is not among these any more by then is out of the store.
        let acknowledged = self.acknowledged.of_device(partition, to.device());
        let Some(head) = self.store.get(partition, &queue_head(to.device()), now).await? else {
            return Ok(Vec::new());
        };
        let (index, queue) = (QueueIndex::from_bytes(&head.value)?, queue(partition, to.device()));
        let mut found = Vec::new();
        loop {
            let room = limit - found.len();
            let page = index.read(&self.store, &queue, after, room, now).await?;
            let is_last = page.len() < room;
            after = page.last().map_or(after, |last| last.place);
            found.extend(page.into_iter().filter(|queued| !acknowledged.contains(&queued.place)));
            if is_last || found.len() == limit {
                return Ok(found);
            }
        }
    }

    /// How many envelopes wait for a party's first device, at most [`MAX_COUNTED`], and for how long the
    /// oldest has.
    pub(crate) async fn waiting_for(
        &self,
        party: &Party,
        now: Timestamp,
    ) -> Result<(u64, Duration), StoreError> {
        let address = Address::new(party.clone(), DeviceId::PRIMARY);
        let queued = self.queued(&address, 0, MAX_COUNTED).await?;
        let oldest = queued.first().and_then(|queued| queued.record.expiry);
        // It expires so long after it was queued.
        let since = oldest.map_or(now, |expiry| expiry.at().before(Retention::LONGEST.span()));
        Ok((u64::try_from(queued.len()).unwrap_or(u64::MAX), now.since(since)))
    }

    /// Takes note that `owner` has the envelopes at `sequences`. They are not handed on any more, and go from
    /// the store with the next record of the party's queues. Places of an earlier epoch mean nothing any
    /// more: what stands there comes again.
    ///
    /// Not under the lock of the party: it would wait for what is being queued.
    pub(crate) async fn acknowledge_places(
        &self,
        owner: &Address,
        sequences: &[Sequence],
    ) -> Result<(), TransportError> {
        let (limit, actual) = (MAX_DELIVERIES, sequences.len());
        if actual > limit {
            return Err(
                InvalidEnvelope::TooLarge { field: "acknowledgement (envelopes)", actual, limit }.into()
            );
        }
        let (partition, device) = (self.partition(owner), owner.device());
        let places = sequences.iter().map(|sequence| sequence.number_in(self.epoch));
        let places = self.known_places(partition, device, places.collect()).await?;
        let Some(last) = places.iter().max() else { return Ok(()) };
        let noting = self.acknowledged.note(partition, device, &places);
        if !noting.is_noted {
            let places = places.iter().copied().collect();
            let settled = self.settling().settle(partition, &Places::from([(device, places)])).await;
            if !settled.map_err(store_failed)? {
                return Err(not_alone());
            }
        }
        self.tails.forget_through(partition, device, *last);
        self.tallies.acknowledged(noting.new);
        Ok(())
    }

    /// Those of `places` at which something may stand for a device: others are not remembered. What was read
    /// in the store may have been durable before the tail heard of it.
    async fn known_places(
        &self,
        partition: Partition,
        device: DeviceId,
        mut places: Vec<u64>,
    ) -> Result<Vec<u64>, TransportError> {
        match self.tails.places(partition, device) {
            Some(known) if places.iter().all(|place| place <= known.end()) => {
                places.retain(|place| known.contains(place));
            }
            _ => {
                let head = self.store.get(partition, &queue_head(device), self.clock.now()).await;
                let index = index(head.map_err(store_failed)?.as_ref())?;
                places.retain(|place| index.day_of(*place).is_some());
            }
        }
        Ok(places)
    }
}

/// What was given a place, and until when it has it.
type Placed = (u64, Envelope, Expiry);

/// A record in the making: what has arrived for one party.
struct Round {
    partition: Partition,
    now: Timestamp,
    batch: Batch,
    heads: Vec<IndexRecord>,
    guards: Vec<GuardRecord>,
    placed: Vec<Placed>,
    /// What goes with it because it was acknowledged.
    acknowledged: Places,
    /// Those who wait for it.
    pending: Vec<(PendingSend, SendOutcome)>,
}

/// A record that is made.
struct QueueRecord {
    batch: Batch,
    placed: Vec<Placed>,
    acknowledged: Places,
    /// The first place that is still there in each queue from which something goes.
    firsts: Vec<(DeviceId, u64)>,
}

/// The head of the queue of one of the party's devices.
struct IndexRecord {
    device: DeviceId,
    version: Option<Version>,
    index: QueueIndex,
    is_changed: bool,
}

/// What was queued of a message, in this round or before it.
struct GuardRecord {
    key: Key,
    version: Option<Version>,
    guard: Option<DeduplicationRecord>,
    is_changed: bool,
}

impl Round {
    fn new(partition: Partition, now: Timestamp) -> Self {
        let batch = Batch::new(partition);
        let (heads, guards, placed, acknowledged, pending) = Default::default();
        Self { partition, now, batch, heads, guards, placed, acknowledged, pending }
    }

    fn head(&mut self, device: DeviceId) -> Option<&mut IndexRecord> {
        self.heads.iter_mut().find(|head| head.device == device)
    }

    fn guard(&mut self, key: &Key) -> Option<&mut GuardRecord> {
        self.guards.iter_mut().find(|record| record.key == *key)
    }

    /// Puts `envelope` at the end of its queue, whose head is known, as its guard is, and counts its message
    /// if nothing of that was queued before.
    fn put(&mut self, envelope: Envelope, wire: Bytes, (key, ours): (Key, DeduplicationRecord)) {
        let (today, device) = (self.now.day(), envelope.to().device());
        let Some(head) = self.head(device) else { return };
        let (day, place) = head.index.append(today);
        head.is_changed = true;
        let expiry = Retention::LONGEST.from(self.now);
        let mut is_first = false;
        if let Some(GuardRecord { guard, is_changed, .. }) = self.guard(&key) {
            *is_changed = true;
            match guard {
                Some(guard) => guard.add(ours),
                None => (*guard, is_first) = (Some(ours), true),
            }
        }
        if is_first {
            meter::count(&mut self.batch, &envelope, today);
        }
        self.batch.put_until(queue(self.partition, device).key(day, place), wire, expiry);
        self.placed.push((place, envelope, expiry));
    }

    /// Takes what was acknowledged out of a queue whose head is known.
    fn take_out(&mut self, device: DeviceId, places: BTreeSet<u64>) {
        let Some(head) = self.heads.iter_mut().find(|head| head.device == device) else { return };
        head.is_changed |= settling::take_out(&places, device, &mut head.index, &mut self.batch);
        self.acknowledged.insert(device, places);
    }

    fn end(mut self) -> (QueueRecord, Vec<(PendingSend, SendOutcome)>) {
        let mut firsts = Vec::new();
        for IndexRecord { device, version, index, .. } in self.heads.into_iter().filter(|it| it.is_changed) {
            let key = queue_head(device);
            self.batch.expect(key.clone(), version);
            self.batch.put(key, index.to_bytes());
            firsts.push((device, index.first()));
        }
        for GuardRecord { key, version, guard, .. } in self.guards.into_iter().filter(|it| it.is_changed) {
            let Some(guard) = guard else { continue };
            self.batch.expect(key.clone(), version);
            self.batch.put(key, guard.to_bytes());
        }
        let (batch, placed, acknowledged) = (self.batch, self.placed, self.acknowledged);
        (QueueRecord { batch, placed, acknowledged, firsts }, self.pending)
    }
}

fn version(record: Option<Record>) -> Option<Version> {
    record.map(|record| record.version)
}

/// What the others hear when a record for several of them could not be written.
fn not_queued() -> TransportError {
    TransportError::carrier_failed("the carrier's store failed")
}

pub(crate) fn index(head: Option<&Record>) -> Result<QueueIndex, TransportError> {
    head.map_or(Ok(QueueIndex::new()), |record| QueueIndex::from_bytes(&record.value)).map_err(store_failed)
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
