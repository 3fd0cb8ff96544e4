//! Group commit for the raw engines: the same queue, the same bounds, one thread, no timer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use bulla_store_fjall::{MAX_GROUP_BATCHES, MAX_GROUP_BYTES, MAX_WAITING};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

pub(crate) struct Item {
    pub(crate) caller: usize,
    pub(crate) number: u64,
    pub(crate) message: Bytes,
}

pub(crate) struct Group {
    queue: mpsc::Sender<(Item, oneshot::Sender<()>)>,
    syncs: Arc<AtomicU64>,
}

impl Group {
    /// `write` makes one group durable, with one sync.
    pub(crate) fn start(mut write: impl FnMut(&[Item]) + Send + 'static) -> Self {
        let (queue, mut items) = mpsc::channel::<(Item, oneshot::Sender<()>)>(MAX_WAITING);
        let syncs = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&syncs);
        thread::spawn(move || {
            while let Some((item, answer)) = items.blocking_recv() {
                let mut bytes = item.message.len();
                let (mut group, mut answers) = (vec![item], vec![answer]);
                while group.len() < MAX_GROUP_BATCHES && bytes < MAX_GROUP_BYTES {
                    let Ok((item, answer)) = items.try_recv() else { break };
                    bytes += item.message.len();
                    group.push(item);
                    answers.push(answer);
                }
                write(&group);
                count.fetch_add(1, Ordering::Relaxed);
                answers.into_iter().for_each(|answer| answer.send(()).unwrap_or_default());
            }
        });
        Self { queue, syncs }
    }

    pub(crate) async fn accept(&self, caller: usize, number: u64, message: Bytes) {
        let (answer, done) = oneshot::channel();
        self.queue.send((Item { caller, number, message }, answer)).await.unwrap();
        done.await.unwrap();
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }
}
