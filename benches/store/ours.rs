//! The embedded engine, asked for what a relay asks for.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla_store::{Commit, Store, Version};
use bulla_store_fjall::{FjallOptions, FjallStore};
use bytes::Bytes;

use crate::accept::batch;
use crate::contender::Contender;

pub(crate) struct Ours {
    store: FjallStore,
    /// The version of each caller's session; 0 is none yet.
    sessions: Vec<AtomicU64>,
}

impl Contender for Ours {
    const NAME: &'static str = "ours";

    fn open(folder: &Path, callers: usize) -> Self {
        // Whatever wraps the engine, a vault for one, is put round it here.
        let store = FjallStore::open(folder, FjallOptions::default()).unwrap();
        Self { store, sessions: (0..callers).map(|_| AtomicU64::new(0)).collect() }
    }

    async fn accept(&self, caller: usize, number: u64, message: Bytes) {
        let session = &self.sessions[caller];
        let read = Some(session.load(Ordering::Relaxed)).filter(|version| *version > 0).map(Version::new);
        match self.store.commit(batch(caller, number, &message, read)).await.unwrap() {
            Commit::Committed(version) => session.store(version.number(), Ordering::Relaxed),
            other => panic!("{other:?}"),
        }
    }

    fn syncs(&self) -> u64 {
        self.store.stats().syncs
    }
}
