use bulla_base::Timestamp;
use bulla_envelope::Envelope;
use bulla_store::{Batch, Commit, Queue, QueueIndex, Queued, Retention, Space, Store, StoreError, Version};
use bulla_transport::Transport;
use bytes::Bytes;
use prost::Message as _;

use super::Inner;
use crate::notice::Row;
use crate::space::{self, INBOX, OUTBOX};

/// The device's next atomic record, while it is being put together. To be used from within the lane.
pub(super) struct Draft {
    pub(super) batch: Batch,
    pub(super) now: Timestamp,
    head: Head,
    head_version: Option<Version>,
}

/// On which day each place of inbox and outbox stands.
#[derive(Default)]
struct Head {
    inbox: QueueIndex,
    outbox: QueueIndex,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HeadRow {
    #[prost(bytes = "vec", tag = "3")]
    inbox: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    outbox: Vec<u8>,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let row = HeadRow::decode(bytes).map_err(|_| StoreError::Damaged { what: "mailbox" })?;
        Ok(Self { inbox: QueueIndex::from_bytes(&row.inbox)?, outbox: QueueIndex::from_bytes(&row.outbox)? })
    }

    fn to_bytes(&self) -> Vec<u8> {
        HeadRow { inbox: self.inbox.to_bytes(), outbox: self.outbox.to_bytes() }.encode_to_vec()
    }
}

impl Draft {
    /// Puts `envelope` at the end of the outbox.
    pub(super) fn send(&mut self, envelope: &Envelope) {
        let (day, place) = self.head.outbox.append(self.now.day());
        let key = self.queue(OUTBOX).key(day, place);
        self.batch.put_until(key, envelope.to_bytes(), Retention::LONGEST.from(self.now));
    }

    /// Puts `notice` at the end of the mailbox.
    pub(super) fn notify(&mut self, notice: &Row) {
        let (day, place) = self.head.inbox.append(self.now.day());
        let key = self.queue(INBOX).key(day, place);
        self.batch.put_until(key, notice.to_bytes(), Retention::LONGEST.from(self.now));
    }

    /// Remembers that the envelope with this id was opened.
    pub(super) fn seen(&mut self, envelope: &Envelope) {
        let key = space::seen(envelope.id());
        self.batch.expect_absent(key.clone());
        self.batch.put_until(key, Bytes::new(), Retention::LONGEST.from(self.now));
    }

    /// What is in the mailbox after the place `after`, as it was when the draft was begun, at most `limit`.
    pub(super) async fn notices<S: Store>(
        &self,
        after: u64,
        limit: usize,
        store: &S,
    ) -> Result<Vec<Queued>, StoreError> {
        self.head.inbox.read(store, &self.queue(INBOX), after, limit, self.now).await
    }

    /// What is in the outbox after the place `after`, as it was when the draft was begun, at most `limit`.
    pub(super) async fn envelopes<S: Store>(
        &self,
        after: u64,
        limit: usize,
        store: &S,
    ) -> Result<Vec<Queued>, StoreError> {
        self.head.outbox.read(store, &self.queue(OUTBOX), after, limit, self.now).await
    }

    fn queue(&self, space: Space) -> Queue {
        Queue::new(self.batch.partition(), space, Bytes::new())
    }
}

impl<S: Store, T: Transport> Inner<S, T> {
    pub(super) async fn draft(&self) -> Result<Draft, StoreError> {
        let now = self.clock.now();
        let record = self.store.get(self.home, &space::head(), now).await?;
        let head = record.as_ref().map_or(Ok(Head::default()), |record| Head::read(&record.value))?;
        let head_version = record.map(|record| record.version);
        Ok(Draft { batch: Batch::new(self.home), now, head, head_version })
    }

    pub(super) async fn commit(&self, draft: Draft) -> Result<(), StoreError> {
        let Draft { mut batch, now: _, head, head_version } = draft;
        batch.expect(space::head(), head_version);
        batch.put(space::head(), head.to_bytes());
        match self.store.commit(batch).await? {
            Commit::Committed(_) => Ok(()),
            // The lane is ours: only a second program on the same store can have come in between.
            _ => Err(StoreError::Closed),
        }
    }
}
