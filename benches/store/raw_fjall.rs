//! The engine beneath ours, by itself: three rows an accept (the message, its id, when it expires), and
//! nothing is looked up.

use std::path::Path;

use bytes::Bytes;
use fjall::{Database, KeyspaceCreateOptions, PersistMode};

use crate::engine_under_test::EngineUnderTest;
use crate::group_commit::Group;
use crate::submit_batch::{NOW, id, partition};

/// As ours are by default.
const WRITE_BUFFER_BYTES: u64 = 16 << 20;
const MAX_JOURNAL_BYTES: u64 = 64 << 20;

pub(crate) struct RawFjall(Group);

impl EngineUnderTest for RawFjall {
    const NAME: &'static str = "raw fjall";

    fn open(folder: &Path, _callers: usize) -> Self {
        let database = Database::builder(folder).max_journaling_size(MAX_JOURNAL_BYTES).open().unwrap();
        let layout = || KeyspaceCreateOptions::default().max_memtable_size(WRITE_BUFFER_BYTES);
        let messages = database.keyspace("messages", layout).unwrap();
        let expiries = database.keyspace("expiries", layout).unwrap();
        let ids = database.keyspace("ids", layout).unwrap();
        Self(Group::start(move |group| {
            let mut batch = database.batch().durability(Some(PersistMode::SyncData));
            for item in group {
                let (id, partition) = (id(item.caller, item.number), partition(item.caller));
                let key = [&partition.as_bytes()[..], &id].concat();
                let expiry = [&NOW.as_millis().to_be_bytes()[..], &id].concat();
                batch.insert(&expiries, expiry, []);
                batch.insert(&messages, key, &item.message[..]);
                batch.insert(&ids, id, &partition.as_bytes()[..]);
            }
            batch.commit().unwrap();
        }))
    }

    async fn accept(&self, caller: usize, number: u64, message: Bytes) {
        self.0.accept(caller, number, message).await;
    }

    fn syncs(&self) -> u64 {
        self.0.syncs()
    }
}
