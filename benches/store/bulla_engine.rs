//! The embedded engine, asked for what a relay asks for: with a vault round it, as a relay has it, and
//! without.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla_base::{ManualClock, Rng};
use bulla_store::{Commit, Store, Version};
use bulla_store_fjall::{FjallOptions, FjallStore};
use bulla_vault::{MemoryKeyring, OperatorKey, Vault};
use bytes::Bytes;

use crate::engine_under_test::EngineUnderTest;
use crate::submit_batch::{NOW, batch};

/// What a relay runs on: every value is sealed.
pub(crate) struct Ours(Asked<Vault<FjallStore>>);

/// The engine alone: what sealing costs is the difference.
pub(crate) struct Unsealed(Asked<FjallStore>);

impl EngineUnderTest for Ours {
    const NAME: &'static str = "ours";

    fn open(folder: &Path, callers: usize) -> Self {
        let rng = Arc::new(SystemRng);
        let keys = OperatorKey::from_bytes([7; 32], rng.clone());
        let clock = Arc::new(ManualClock::new(NOW));
        let vault = Vault::open(open(folder), MemoryKeyring::new(), &keys, clock, rng);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self(Asked::new(runtime.block_on(vault).unwrap(), callers))
    }

    async fn accept(&self, caller: usize, number: u64, message: Bytes) {
        self.0.accept(caller, number, message).await;
    }

    fn syncs(&self) -> u64 {
        self.0.store.engine().stats().syncs
    }
}

impl EngineUnderTest for Unsealed {
    const NAME: &'static str = "ours, unsealed";

    fn open(folder: &Path, callers: usize) -> Self {
        Self(Asked::new(open(folder), callers))
    }

    async fn accept(&self, caller: usize, number: u64, message: Bytes) {
        self.0.accept(caller, number, message).await;
    }

    fn syncs(&self) -> u64 {
        self.0.store.stats().syncs
    }
}

fn open(folder: &Path) -> FjallStore {
    FjallStore::open(folder, FjallOptions::default()).unwrap()
}

struct Asked<S> {
    store: S,
    /// The version of each caller's session; 0 is none yet.
    sessions: Vec<AtomicU64>,
}

impl<S: Store> Asked<S> {
    fn new(store: S, callers: usize) -> Self {
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
}

/// As in production: the price of a salt is a call of the system.
#[derive(Debug)]
struct SystemRng;

impl Rng for SystemRng {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).unwrap();
    }
}
