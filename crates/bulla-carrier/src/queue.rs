mod enqueue;
mod round;

use std::time::Duration;

use bulla_base::{Address, DeviceId, Partition, Party, Timestamp};
use bulla_envelope::{Envelope, InvalidEnvelope};
use bulla_store::{QueueIndex, Queued, Record, Retention, Store, StoreError, TailRead};
use bulla_transport::{Caller, Delivery, MAX_DELIVERIES, Sequence, TransportError};

use crate::Carrier;
use crate::acknowledged_envelopes::Places;
use crate::carrier::{not_alone, store_failed};
use crate::limits::MAX_COUNTED;
use crate::store_layout::{FENCE, queue, queue_head};

impl<S: Store> Carrier<S> {
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
        self.ledger.note(owner, partition);
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

pub(crate) fn index(head: Option<&Record>) -> Result<QueueIndex, TransportError> {
    head.map_or(Ok(QueueIndex::new()), |record| QueueIndex::from_bytes(&record.value)).map_err(store_failed)
}
