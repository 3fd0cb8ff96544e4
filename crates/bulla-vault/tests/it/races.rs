//! Erasing a conversation while somebody reads or writes it.
//!
//! The engine here gives way around everything it does, and the eraser starts a little later each time, so
//! that between them the tries go through every order in which the two can meet.

use std::sync::{Arc, Mutex};

use bulla_base::{Partition, Timestamp};
use bulla_store::{Batch, Commit, Key, Record, Store, StoreError, StoreWrapper};
use bulla_vault::Vault;
use tokio::task::yield_now;

use crate::world::{ALICE, Engine, HOUR, NOW, World, key, put, raw, read, run};

pub(crate) const TRIES: usize = 24;

/// An engine that takes its time, and remembers in which order puts and erasures took effect. Particular to
/// these tests: the order is noted in the very task of the commit, and an erasure is one call.
#[derive(Clone, Default)]
pub(crate) struct Slow {
    pub(crate) engine: Engine,
    order: Arc<Mutex<Vec<&'static str>>>,
}

pub(crate) async fn give_way(turns: usize) {
    for _ in 0..turns {
        yield_now().await;
    }
}

impl StoreWrapper for Slow {
    type Inner = Engine;

    fn inner(&self) -> &Engine {
        &self.engine
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let (engine, order) = (self.engine.clone(), self.order.clone());
        // A task of its own: dropping the future does not take the batch back.
        let committed = tokio::spawn(async move {
            give_way(6).await;
            let what = if batch.puts().is_empty() { "erased" } else { "put" };
            let outcome = engine.commit(batch).await;
            if matches!(outcome, Ok(Commit::Committed(_))) {
                order.lock().unwrap().push(what);
            }
            give_way(2).await;
            outcome
        });
        committed.await.unwrap()
    }

    async fn pass_get(&self, of: Partition, key: &Key, now: Timestamp) -> Result<Option<Record>, StoreError> {
        give_way(1).await;
        let found = self.engine.get(of, key, now).await;
        give_way(3).await;
        found
    }

    async fn pass_erase(&self, partition: Partition) -> Result<usize, StoreError> {
        give_way(1).await;
        self.engine.erase_partition(partition).await
    }
}

pub(crate) async fn open(world: &World, engine: &Slow) -> Arc<Vault<Slow>> {
    let (keys, clock, rng) = (world.operator(7), world.clock.clone(), world.rng.clone());
    Arc::new(Vault::open(engine.clone(), world.keyring.clone(), &keys, clock, rng).await.unwrap())
}

/// Runs `other` while Alice's conversation is erased, the eraser starting after `delay` turns.
async fn while_erasing(
    vault: &Arc<Vault<Slow>>,
    delay: usize,
    other: impl Future<Output = ()> + Send + 'static,
) {
    let other = tokio::spawn(other);
    let vault = vault.clone();
    let eraser = tokio::spawn(async move {
        for _ in 0..delay {
            yield_now().await;
        }
        vault.erase_partition(ALICE).await.unwrap();
    });
    other.await.unwrap();
    eraser.await.unwrap();
}

/// A reader that found the salt before the erasure must not bring it back into memory: what is written then
/// would be lost at the next start.
#[test]
fn a_reader_does_not_bring_an_erased_salt_back() {
    run(async {
        for delay in 0..TRIES {
            let (world, engine) = (World::new(1), Slow::default());
            put(&*open(&world, &engine).await, ALICE, "old", "value").await;
            // Nothing in memory.
            let vault = open(&world, &engine).await;
            let reader = vault.clone();
            while_erasing(&vault, delay, async move {
                drop(reader.get(ALICE, &key("old"), NOW).await.unwrap());
            })
            .await;
            put(&*vault, ALICE, "new", "value").await;
            let vault = open(&world, &engine).await;
            assert_eq!(read(&*vault, ALICE, "new").await.as_deref(), Some("value"), "after {delay}");
            assert_eq!(read(&*vault, ALICE, "old").await, None, "after {delay}");
        }
    });
}

/// Each brings a salt along; the second finds that the first was quicker, and seals once more, with that one.
#[test]
fn writes_of_two_to_a_new_conversation_at_once_are_both_read() {
    run(async {
        for delay in 0..TRIES {
            let (world, engine) = (World::new(1), Slow::default());
            let vault = open(&world, &engine).await;
            let second = vault.clone();
            let second = tokio::spawn(async move {
                give_way(delay).await;
                put(&*second, ALICE, "second", "value").await;
            });
            put(&*vault, ALICE, "first", "value").await;
            second.await.unwrap();
            for vault in [vault, open(&world, &engine).await] {
                for name in ["first", "second"] {
                    assert_eq!(read(&*vault, ALICE, name).await.as_deref(), Some("value"), "after {delay}");
                }
            }
            let [first, second] = [
                raw(&engine.engine, ALICE, &key("first")).await,
                raw(&engine.engine, ALICE, &key("second")).await,
            ];
            assert_ne!(first.value[1..17], second.value[1..17], "a batch's salt was used twice");
        }
    });
}

/// What took effect after the erasure can be read, what took effect before cannot.
#[test]
fn a_write_is_before_the_erasure_or_after_it() {
    run(async {
        let (mut before, mut after) = (0, 0);
        for delay in 0..TRIES {
            for begun in [false, true] {
                let (world, engine) = (World::new(1), Slow::default());
                let vault = open(&world, &engine).await;
                if begun {
                    put(&*vault, ALICE, "old", "value").await;
                }
                engine.order.lock().unwrap().clear();
                let writer = vault.clone();
                while_erasing(&vault, delay, async move {
                    // So that the eraser comes first half the time.
                    for _ in 0..TRIES / 2 {
                        yield_now().await;
                    }
                    put(&*writer, ALICE, "new", "value").await;
                })
                .await;
                let order = engine.order.lock().unwrap().clone();
                let is_after = order.last() == Some(&"put");
                let vault = open(&world, &engine).await;
                let expected = is_after.then_some("value");
                assert_eq!(read(&*vault, ALICE, "new").await.as_deref(), expected, "{order:?} after {delay}");
                *if is_after { &mut after } else { &mut before } += 1;
            }
        }
        assert!(before > 0 && after > 0, "{before} {after}");
    });
}

/// An erasure nobody waited for may still be on its way to the engine; whoever writes then must not use the
/// salt it takes.
#[test]
fn an_erasure_that_is_dropped_loses_nothing_that_is_written_after_it() {
    run(async {
        let mut begun = 0;
        for delay in 0..TRIES {
            let (world, engine) = (World::new(1), Slow::default());
            let vault = open(&world, &engine).await;
            put(&*vault, ALICE, "old", "value").await;
            let eraser = vault.clone();
            let eraser = tokio::spawn(async move { eraser.erase_partition(ALICE).await });
            for _ in 0..delay {
                yield_now().await;
            }
            eraser.abort();
            assert!(eraser.await.is_ok() || delay < TRIES - 1, "it never ends");
            put(&*vault, ALICE, "new", "value").await;
            let old = read(&*vault, ALICE, "old").await;
            begun += usize::from(old.is_none());
            let vault = open(&world, &engine).await;
            assert_eq!(read(&*vault, ALICE, "new").await.as_deref(), Some("value"), "after {delay}");
            assert_eq!(read(&*vault, ALICE, "old").await, old, "after {delay}");
        }
        assert!(begun > 3 && begun < TRIES, "{begun}");
    });
}

/// A tick nobody waited for may have begun a generation that the keyring was not told of.
#[test]
fn a_tick_that_is_dropped_is_made_good_by_the_next() {
    run(async {
        for delay in 0..TRIES {
            let (world, engine) = (World::new(1), Slow::default());
            let vault = open(&world, &engine).await;
            world.clock.advance(HOUR);
            let ticker = vault.clone();
            let ticker = tokio::spawn(async move { ticker.tick().await });
            for _ in 0..delay {
                yield_now().await;
            }
            ticker.abort();
            drop(ticker.await);
            if delay % 2 == 0 {
                world.clock.advance(HOUR);
                vault.tick().await.unwrap();
            }
            drop(vault);
            // The engine ends what it was asked for before it is opened again.
            give_way(9).await;
            assert!(!open(&world, &engine).await.is_restored(), "after {delay}");
        }
    });
}
