//! Dropping a day, and deleting the same by walking it.

use std::time::Instant;

use bulla_base::Partition;
use bulla_store::{Batch, Commit, Key, Retention, Scan, Store};
use bulla_store_fjall::{FjallOptions, FjallStore};
use tempfile::TempDir;

use crate::clock::spent;
use crate::measurements::Measurements;
use crate::submit_batch::{IDS, MESSAGE_BYTES, MESSAGES, NOW};

pub(crate) const DROPPED: &str = "dropped";
pub(crate) const WALKED: &str = "walked";
pub(crate) const TIME: &str = "ms to forget a day";
pub(crate) const CPU: &str = "CPU ms to forget a day";

const PARTITIONS: u32 = 100;

/// A day of so many messages and their ids, and one message of the next day.
pub(crate) fn run(messages: u32, board: &mut Measurements) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for who in [DROPPED, WALKED] {
            let folder = TempDir::new().unwrap();
            let store = FjallStore::open(folder.path(), FjallOptions::default()).unwrap();
            load(&store, messages).await;
            let (began, cpu) = (Instant::now(), spent());
            match who {
                DROPPED => store.drop_days_before(NOW.day()).await.unwrap(),
                _ => walk(&store).await,
            }
            board.add(TIME, who, began.elapsed().as_secs_f64() * 1e3);
            board.add(CPU, who, (spent() - cpu) / 1e3);
            store.close().await.unwrap();
        }
    });
}

fn partition(number: u32) -> Partition {
    let mut bytes = [7; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Partition::from_bytes(bytes)
}

async fn load(store: &FjallStore, messages: u32) {
    let (day, expiry) = (NOW.day().minus(1), Retention::LONGEST.from(NOW));
    for owner in 0..PARTITIONS {
        let mut batch = Batch::new(partition(owner));
        for number in 0..messages / PARTITIONS {
            let id = number.to_be_bytes().to_vec();
            batch.put_until(Key::dated(MESSAGES, day, id.clone()), vec![1; MESSAGE_BYTES], expiry);
            batch.put_until(Key::dated(IDS, day, id), &b"where it is"[..], expiry);
        }
        batch.put(Key::dated(MESSAGES, NOW.day(), "kept"), vec![1; MESSAGE_BYTES]);
        assert!(matches!(store.commit(batch).await, Ok(Commit::Committed(_))));
    }
}

async fn walk(store: &FjallStore) {
    for owner in (0..PARTITIONS).map(partition) {
        for space in [MESSAGES, IDS] {
            let day = NOW.day().minus(1);
            loop {
                let page = store.scan(owner, &Scan::dated(space, day..=day), NOW).await.unwrap();
                if page.is_empty() {
                    break;
                }
                let mut batch = Batch::new(owner);
                page.into_iter().for_each(|(key, _)| batch.delete(key));
                assert!(matches!(store.commit(batch).await, Ok(Commit::Committed(_))));
            }
        }
    }
}
