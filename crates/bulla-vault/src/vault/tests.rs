//! What sealing and opening leave on the stack.

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::ptr;
use std::sync::Arc;

use bulla_base::{ManualClock, Partition, SeededRng, Timestamp};
use bulla_store::{Batch, Key, MemoryStore, Record, Scan, Space, Store};
use tokio::runtime::{Builder, Runtime};
use zeroize::zeroize_stack;

use super::*;
use crate::row::{Head, Place};
use crate::salt::Salt;
use crate::seal::tests::key_of;
use crate::seal::{Bound, DEEP, Under};
use crate::{MemoryKeyring, OperatorKey};

const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);
const ALICE: Partition = Partition::from_bytes([0xa1; 16]);
const SPACE: Space = Space::new(7);

const LOOKED_AT: usize = 8 * DEEP;

/// The stack below us as `work` leaves it.
fn stack_after<T>(work: impl FnOnce() -> T) -> Vec<u8> {
    let mut stack = vec![0; LOOKED_AT];
    zeroize_stack::<{ 2 * LOOKED_AT }>();
    black_box(further_down(work));
    let start = ptr::from_ref(&stack).addr() - LOOKED_AT;
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut stack, start as u64).unwrap();
    stack
}

/// Does `work` where looking at the stack overwrites nothing.
#[inline(never)]
fn further_down<T>(work: impl FnOnce() -> T) -> T {
    let between = [0_u8; DEEP];
    let result = work();
    black_box(&between);
    result
}

struct Setting {
    runtime: Runtime,
    vault: Vault<Arc<MemoryStore>>,
    key: Key,
}

impl Setting {
    fn new() -> Self {
        let (clock, rng) = (Arc::new(ManualClock::new(NOW)), Arc::new(SeededRng::new(1)));
        let runtime = Builder::new_current_thread().build().unwrap();
        let operator = OperatorKey::from_bytes([7; 32], rng.clone());
        let vault = Vault::open(Arc::default(), MemoryKeyring::new(), &operator, clock, rng);
        let vault = runtime.block_on(vault).unwrap();
        Self { runtime, vault, key: Key::undated(SPACE, "key") }
    }

    fn batch(&self) -> Batch {
        let mut batch = Batch::new(ALICE);
        batch.put(self.key.clone(), "value");
        batch
    }

    fn stored(&self) -> Record {
        let record = self.vault.engine.get(ALICE, &self.key, NOW);
        self.runtime.block_on(record).unwrap().unwrap()
    }

    fn salt(&self) -> Arc<Salt> {
        self.vault.salts().find(ALICE).unwrap()
    }

    /// How often the first half of the key under which `sealed` is stands in `stack`.
    fn keys_in(&self, stack: &[u8], sealed: &[u8]) -> usize {
        let (salt, mut bound) = (self.salt(), Bound::default());
        let place = Place { partition: ALICE, key: &self.key, expiry: None };
        place.bind(Head::Lasting, false, &mut bound);
        let under = Under { key: &self.vault.lasting, salt: Some(salt.secret()), bound: &bound };
        let key = key_of(under, &sealed[1..]);
        stack.windows(16).filter(|bytes| *bytes == &key[..16]).count()
    }
}

#[test]
fn no_key_of_a_record_stays_on_the_stack() {
    let set = Setting::new();
    let (vault, runtime) = (&set.vault, &set.runtime);

    // The second time the salt is there, and nothing but the value is sealed.
    for _ in 0..2 {
        let stack = stack_after(|| runtime.block_on(vault.commit(set.batch())));
        assert_eq!(set.keys_in(&stack, &set.stored().value), 0, "after it was written");
    }
    let stored = set.stored();
    let got = stack_after(|| runtime.block_on(vault.get(ALICE, &set.key, NOW)));
    assert_eq!(set.keys_in(&got, &stored.value), 0, "after it was read");
    let scanned = stack_after(|| runtime.block_on(vault.scan(ALICE, &Scan::everything(SPACE), NOW)));
    assert_eq!(set.keys_in(&scanned, &stored.value), 0, "after it was found");

    // Without being wiped, all of them show it.
    let (salt, mut sealed) = (set.salt(), None);
    let stack = stack_after(|| sealed = Some(vault.sealed(set.batch(), salt.secret()).unwrap()));
    assert!(set.keys_in(&stack, &sealed.unwrap().puts()[0].value) > 0, "what sealing leaves is not seen");
    let stack = stack_after(|| vault.unseal(ALICE, &set.key, &stored, Some(&salt)));
    assert!(set.keys_in(&stack, &stored.value) > 0, "what opening leaves is not seen");
}
