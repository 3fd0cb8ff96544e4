use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::{Partition, Timestamp};
use bulla_envelope::Envelope;
use bulla_store::{QueueIndex, QueueTail, Queued, Space, Store, StoreError, TailRead};
use bulla_transport::Transport;
use bytes::Bytes;
use prost::Message as _;
use tokio::sync::watch;

use super::Inner;
use crate::limits::MAX_RECENT_PER_QUEUE;
use crate::store_layout::{self, INBOX, OUTBOX};

/// On which day each place of inbox and outbox stands.
#[derive(Default)]
pub(crate) struct QueueIndexes {
    pub(crate) inbox: QueueIndex,
    pub(crate) outbox: QueueIndex,
}

#[derive(Clone, PartialEq, prost::Message)]
struct QueueIndexesRow {
    #[prost(bytes = "vec", tag = "3")]
    inbox: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    outbox: Vec<u8>,
}

impl QueueIndexes {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let row = QueueIndexesRow::decode(bytes).map_err(|_| StoreError::Damaged { what: "mailbox" })?;
        Ok(Self { inbox: QueueIndex::from_bytes(&row.inbox)?, outbox: QueueIndex::from_bytes(&row.outbox)? })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        QueueIndexesRow { inbox: self.inbox.to_bytes(), outbox: self.outbox.to_bytes() }.encode_to_vec()
    }
}

/// The ends of mailbox and outbox, in memory.
#[derive(Debug)]
pub(super) struct Tails {
    inbox: Mutex<QueueTail<Bytes>>,
    outbox: Mutex<QueueTail<Envelope>>,
    /// Told when something was put into them, and not before: the store tells its watches earlier. One for
    /// each: in what order several who wait are woken is left to chance.
    pub(super) noticed: watch::Sender<()>,
    pub(super) sent: watch::Sender<()>,
}

impl Tails {
    /// Those of queues of which everything so far is in `store`.
    pub(super) async fn of<S: Store>(store: &S, home: Partition, now: Timestamp) -> Result<Self, StoreError> {
        let head = store.get(home, &store_layout::head(), now).await?;
        let head = head.map_or(Ok(QueueIndexes::default()), |record| QueueIndexes::read(&record.value))?;
        Ok(Self {
            inbox: Mutex::new(QueueTail::after(head.inbox.last(), MAX_RECENT_PER_QUEUE)),
            outbox: Mutex::new(QueueTail::after(head.outbox.last(), MAX_RECENT_PER_QUEUE)),
            noticed: watch::Sender::new(()),
            sent: watch::Sender::new(()),
        })
    }

    pub(super) fn push(&self, noticed: Vec<(u64, Bytes)>, sent: Vec<(u64, Envelope)>) {
        let [has_noticed, has_sent] = [!noticed.is_empty(), !sent.is_empty()];
        noticed.into_iter().for_each(|(place, event)| lock(&self.inbox).push(place, event));
        sent.into_iter().for_each(|(place, envelope)| lock(&self.outbox).push(place, envelope));
        if has_noticed {
            self.noticed.send_replace(());
        }
        if has_sent {
            self.sent.send_replace(());
        }
    }
}

fn lock<T>(tail: &Mutex<T>) -> MutexGuard<'_, T> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Some of what stands in a queue, with its places, and after which place to look on.
pub(super) struct Page<R> {
    pub(super) items: Vec<(u64, R)>,
    pub(super) after: u64,
}

impl<S: Store, T: Transport> Inner<S, T> {
    /// What is in the mailbox after the place `after`, at most `limit`.
    pub(super) async fn events(&self, after: u64, limit: usize) -> Result<Page<Bytes>, StoreError> {
        let read = lock(&self.tails.inbox).read(after, limit);
        self.page(read, INBOX, |head| &head.inbox, Ok, after, limit).await
    }

    /// What is in the outbox after the place `after`, at most `limit`.
    pub(super) async fn envelopes(&self, after: u64, limit: usize) -> Result<Page<Envelope>, StoreError> {
        let read = lock(&self.tails.outbox).read(after, limit);
        let envelope =
            |bytes| Envelope::from_bytes(bytes).map_err(|_| StoreError::Damaged { what: "envelope" });
        self.page(read, OUTBOX, |head| &head.outbox, envelope, after, limit).await
    }

    /// What was `read` of a queue in memory, or what stands in the store.
    async fn page<R>(
        &self,
        read: TailRead<R>,
        space: Space,
        index: fn(&QueueIndexes) -> &QueueIndex,
        item: fn(Bytes) -> Result<R, StoreError>,
        after: u64,
        limit: usize,
    ) -> Result<Page<R>, StoreError> {
        let items = match read {
            TailRead::Here(items) => items,
            TailRead::Nothing => Vec::new(),
            TailRead::InStore => {
                let transaction = self.transaction().await?;
                let (index, queue) = (index(&transaction.head), transaction.queue(space));
                let found = index.read(&self.store, &queue, after, limit, transaction.now).await?;
                if found.is_empty() {
                    // What has expired unread is passed over.
                    return Ok(Page { items: Vec::new(), after: index.last() });
                }
                let read = |queued: Queued| Ok((queued.place, item(queued.record.value)?));
                found.into_iter().map(read).collect::<Result<_, _>>()?
            }
        };
        let after = items.last().map_or(after, |(place, _)| *place);
        Ok(Page { items, after })
    }
}
