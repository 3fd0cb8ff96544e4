use std::time::Duration;

use bulla_base::{Address, DeviceId, Party, Timestamp};
use bulla_envelope::{Envelope, InvalidEnvelope};
use bulla_store::{Batch, Key, Queue, QueueIndex, Queued, Record, Retention, Store, StoreError};
use bulla_transport::{Caller, Delivery, MAX_DELIVERIES, Sequence, TransportError};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::allowance::ONE_SIDE_EACH;
use crate::carrier::store_failed;
use crate::limits::{MAX_COUNTED, MAX_ID_AGE, MAX_ID_LEAD};
use crate::space::{FENCE, HEAD, QUEUE, SEEN, device, of_device};
use crate::{Carrier, meter};

impl<S: Store> Carrier<S> {
    /// Queues `envelope` for its recipient and counts it, in one record; or finds that this was done before.
    pub(crate) async fn enqueue(&self, envelope: Envelope) -> Result<(), TransportError> {
        let now = self.clock.now();
        check_route(&envelope)?;
        check_id(&envelope, now)?;
        let (to, wire) = (envelope.to().clone(), envelope.to_bytes());
        let partition = self.partition(&to);
        let _lane = self.lane(partition).await?;

        let (seen_key, digest) = (seen_key(&envelope), digest(&wire));
        if let Some(seen) = self.store.get(partition, &seen_key, now).await.map_err(store_failed)? {
            let same = seen.value == digest;
            return if same { Ok(()) } else { Err(TransportError::Id { why: "that of another envelope" }) };
        }
        // Known is who has ever connected. One may write before one's keys have arrived, and must be able to get the answer.
        let installation = self.installation(&to).await?.ok_or(TransportError::UnknownRecipient)?;
        if envelope.installation().is_some_and(|sealed_for| sealed_for != installation) {
            return Err(TransportError::Reinstalled);
        }

        let head_key = of_device(HEAD, &to);
        let head = self.store.get(partition, &head_key, now).await.map_err(store_failed)?;
        let mut index = index(head.as_ref())?;
        let (day, place) = index.append(now.day());
        let expiry = Retention::LONGEST.from(now);

        let mut batch = Batch::new(partition);
        batch.expect_absent(seen_key.clone());
        batch.put(seen_key, digest);
        batch.expect(head_key.clone(), head.map(|record| record.version));
        batch.put(head_key, index.to_bytes());
        batch.put_until(self.queue(&to).key(day, place), wire, expiry);
        meter::count(&mut batch, &envelope, now.day());
        self.commit(batch).await?;
        self.tallies.enqueued(&envelope);
        Ok(())
    }

    /// The envelopes queued for `caller` after `after`; waits until there is one.
    pub(crate) async fn await_deliveries(
        &self,
        caller: &Caller,
        after: Sequence,
    ) -> Result<Vec<Delivery>, TransportError> {
        let partition = self.partition(caller.address());
        let mut queued = self.store.watch(partition, QUEUE);
        let mut fenced = self.store.watch(partition, FENCE);
        loop {
            drop(self.pass(caller).await?);
            let deliveries = self.deliveries(caller.address(), after).await?;
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

    async fn deliveries(&self, to: &Address, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        let mut previous = after.number_in(self.epoch);
        let queued = self.queued(to, previous, MAX_DELIVERIES).await.map_err(store_failed)?;
        let mut deliveries = Vec::with_capacity(queued.len());
        for Queued { place, record, .. } in queued {
            match Envelope::from_bytes(record.value) {
                Ok(envelope) => {
                    let [sequence, before] = [place, previous].map(|place| Sequence::new(self.epoch, place));
                    deliveries.push(Delivery::new(sequence, before, envelope));
                    previous = place;
                }
                // It holds up nothing else.
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a queued envelope is damaged");
                }
            }
        }
        self.tallies.delivered(deliveries.len());
        Ok(deliveries)
    }

    /// What is queued for `to` after the place `after`, at most `limit`.
    async fn queued(&self, to: &Address, after: u64, limit: usize) -> Result<Vec<Queued>, StoreError> {
        let (partition, now) = (self.partition(to), self.clock.now());
        let Some(head) = self.store.get(partition, &of_device(HEAD, to), now).await? else {
            return Ok(Vec::new());
        };
        let index = QueueIndex::from_bytes(&head.value)?;
        index.read(&self.store, &self.queue(to), after, limit, now).await
    }

    /// How many envelopes wait for a party's first device, at most [`MAX_COUNTED`], and for how long the oldest has.
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

    /// Forgets the envelopes of `owner` at `sequences`. Places of an earlier epoch mean nothing any more: what stands there comes again.
    pub(crate) async fn dequeue(
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
        let partition = self.partition(owner);
        let _lane = self.lane(partition).await?;
        let head_key = of_device(HEAD, owner);
        let head = self.store.get(partition, &head_key, self.clock.now()).await.map_err(store_failed)?;
        let mut index = index(head.as_ref())?;
        let (mut batch, queue) = (Batch::new(partition), self.queue(owner));
        for sequence in sequences {
            let place = sequence.number_in(self.epoch);
            if let Some(day) = index.remove(place) {
                batch.delete(queue.key(day, place));
            }
        }
        let count = batch.deletes().len();
        if count > 0 {
            batch.expect(head_key.clone(), head.map(|record| record.version));
            batch.put(head_key, index.to_bytes());
            self.commit(batch).await?;
            self.tallies.acknowledged(count);
        }
        Ok(())
    }

    fn queue(&self, owner: &Address) -> Queue {
        Queue::new(self.partition(owner), QUEUE, device(owner))
    }
}

fn index(head: Option<&Record>) -> Result<QueueIndex, TransportError> {
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

fn seen_key(envelope: &Envelope) -> Key {
    Key::dated(SEEN, envelope.id().day(), Bytes::copy_from_slice(envelope.id().as_bytes()))
}

fn digest(wire: &[u8]) -> Bytes {
    Bytes::copy_from_slice(&Sha256::digest(wire)[..16])
}
