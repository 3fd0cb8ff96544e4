use bulla_base::Timestamp;
use bulla_envelope::Envelope;
use bulla_store::{Batch, Commit, Retention, Store, StoreError, Version};
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

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Head {
    #[prost(uint64, tag = "1")]
    inbox: u64,
    #[prost(uint64, tag = "2")]
    outbox: u64,
}

impl Draft {
    /// Puts `envelope` at the end of the outbox.
    pub(super) fn send(&mut self, envelope: &Envelope) {
        self.head.outbox += 1;
        let key = space::placed(OUTBOX, self.now.day(), self.head.outbox);
        self.batch.put_until(key, envelope.to_bytes(), Retention::LONGEST.from(self.now));
    }

    /// Puts `notice` at the end of the mailbox.
    pub(super) fn notify(&mut self, notice: &Row) {
        self.head.inbox += 1;
        let key = space::placed(INBOX, self.now.day(), self.head.inbox);
        self.batch.put_until(key, notice.to_bytes(), Retention::LONGEST.from(self.now));
    }

    /// Remembers that the envelope with this id was opened.
    pub(super) fn seen(&mut self, envelope: &Envelope) {
        let key = space::seen(envelope.id());
        self.batch.expect_absent(key.clone());
        self.batch.put_until(key, Bytes::new(), Retention::LONGEST.from(self.now));
    }
}

impl<S: Store, T: Transport> Inner<S, T> {
    pub(super) async fn draft(&self) -> Result<Draft, StoreError> {
        let now = self.clock.now();
        let record = self.store.get(self.home, &space::head(), now).await?;
        let head = match &record {
            Some(record) => {
                Head::decode(&record.value[..]).map_err(|_| StoreError::Damaged { what: "mailbox" })?
            }
            None => Head::default(),
        };
        let head_version = record.map(|record| record.version);
        Ok(Draft { batch: Batch::new(self.home), now, head, head_version })
    }

    pub(super) async fn commit(&self, draft: Draft) -> Result<(), StoreError> {
        let Draft { mut batch, now: _, head, head_version } = draft;
        batch.expect(space::head(), head_version);
        batch.put(space::head(), head.encode_to_vec());
        match self.store.commit(batch).await? {
            Commit::Committed(_) => Ok(()),
            // The lane is ours: only a second program on the same store can have come in between.
            _ => Err(StoreError::Closed),
        }
    }
}
