use bulla_base::{Address, Day, Party, Timestamp};
use bulla_envelope::{Envelope, InvalidEnvelope};
use bulla_store::{Batch, Key, Record, Retention, Scan, Store};
use bulla_transport::{Caller, Delivery, MAX_DELIVERIES, Sequence, TransportError};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::Carrier;
use crate::carrier::store_failed;
use crate::limits::{MAX_ID_AGE, MAX_ID_LEAD};
use crate::meter;
use crate::space::{FENCE, HEAD, QUEUE, SEEN, device, of_device};

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
        let fence = self.store.get(partition, &of_device(FENCE, &to), now).await.map_err(store_failed)?;
        if fence.is_none() {
            return Err(TransportError::UnknownRecipient);
        }

        let head_key = of_device(HEAD, &to);
        let head = self.store.get(partition, &head_key, now).await.map_err(store_failed)?;
        let place = head.as_ref().map_or(Ok(0), |record| place(&record.value))? + 1;
        let expiry = Retention::LONGEST.from(now);

        let mut batch = Batch::new(partition);
        batch.expect_absent(seen_key.clone());
        batch.put(seen_key, digest);
        batch.expect(head_key.clone(), head.map(|record| record.version));
        batch.put(head_key, place.to_be_bytes().to_vec());
        batch.put_until(queue_key(&to, now.day(), place), wire, expiry);
        meter::count(&mut batch, &envelope, now.day());
        self.commit(batch).await
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
        let (mut deliveries, mut previous, mut from) = (Vec::new(), Sequence::START, None);
        loop {
            let page = self.page(to, from.take()).await?;
            let Some((last, _)) = page.last() else { return Ok(deliveries) };
            from = Some(last.clone());
            for (key, record) in page {
                let sequence = Sequence::new(place(key.name().get(1..).unwrap_or_default())?);
                if sequence > after {
                    let envelope = Envelope::from_bytes(record.value).map_err(|_| damaged())?;
                    deliveries.push(Delivery::new(sequence, previous, envelope));
                }
                if deliveries.len() == MAX_DELIVERIES {
                    return Ok(deliveries);
                }
                previous = sequence;
            }
        }
    }

    async fn page(&self, to: &Address, after: Option<Key>) -> Result<Vec<(Key, Record)>, TransportError> {
        let now = self.clock.now();
        let mut scan = Scan::dated(QUEUE, queue_days(now)).prefix(device(to)).limit(MAX_DELIVERIES);
        if let Some(key) = after {
            scan = scan.after(key);
        }
        self.store.scan(self.partition(to), &scan, now).await.map_err(store_failed)
    }

    /// Forgets the envelopes of `owner` at `sequences`.
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
        let mut batch = Batch::new(self.partition(owner));
        let mut from = None;
        let (Some(first), Some(last)) = (sequences.iter().min(), sequences.iter().max()) else {
            return Ok(());
        };
        // The day of an envelope is not in its sequence: walk the queue up to the last one.
        loop {
            let page = self.page(owner, from.take()).await?;
            for (key, _) in &page {
                let sequence = Sequence::new(place(key.name().get(1..).unwrap_or_default())?);
                if (*first..=*last).contains(&sequence) && sequences.contains(&sequence) {
                    batch.delete(key.clone());
                }
                if sequence >= *last {
                    return self.commit(batch).await;
                }
            }
            match page.last() {
                Some((key, _)) => from = Some(key.clone()),
                None => return self.commit(batch).await,
            }
        }
    }
}

/// An envelope goes from a user to a business or the other way, and no other way.
fn check_route(envelope: &Envelope) -> Result<(), TransportError> {
    match (envelope.from().party(), envelope.to().party()) {
        (Party::User(_), Party::Business(_)) | (Party::Business(_), Party::User(_)) => Ok(()),
        _ => {
            Err(InvalidEnvelope::Field { field: "to (one side must be a business, the other a user)" }.into())
        }
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

fn queue_key(to: &Address, day: Day, place: u64) -> Key {
    let mut name = device(to).to_vec();
    name.extend_from_slice(&place.to_be_bytes());
    Key::dated(QUEUE, day, Bytes::from(name))
}

/// The days whose envelopes can still be readable. The clock may have jumped back a little since something was queued.
fn queue_days(now: Timestamp) -> std::ops::RangeInclusive<Day> {
    now.before(Retention::LONGEST.span()).day()..=now.after(MAX_ID_LEAD).day()
}

fn place(bytes: &[u8]) -> Result<u64, TransportError> {
    bytes.try_into().map(u64::from_be_bytes).map_err(|_| damaged())
}

fn damaged() -> TransportError {
    TransportError::unavailable("a stored queue is damaged")
}
