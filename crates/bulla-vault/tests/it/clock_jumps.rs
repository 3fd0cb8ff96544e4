//! The whole vault over ninety virtual days, with restarts and a clock that jumps. The rule itself is tried
//! harder where it is written.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bulla_base::{Clock, Rng, SeededRng, Timestamp};
use bulla_store::{Batch, Commit, Key, Pause, Retention, SYSTEM_PARTITION, SlowStore, Store, StoreCall};
use bulla_vault::{ClockState, KeyringFile, MemoryKeyring, Vault};
use tokio::sync::Semaphore;

use crate::world::{ALICE, DAY, HOUR, MINUTE, NOW, SPACE, World, put_for, run};

struct Dice(SeededRng);

impl Dice {
    fn roll(&self, below: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_be_bytes(bytes) % below
    }
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

#[test]
fn records_live_as_long_as_they_should_however_the_clock_jumps() {
    run(async {
        let (world, dice) = (World::new(1), Dice(SeededRng::new(2)));
        let mut truth = NOW;
        let mut kept: VecDeque<(Key, Timestamp)> = VecDeque::new();
        let (mut vault, mut read, mut restarts) = (world.vault().await, 0, 0);
        for number in 0_u32.. {
            if truth >= NOW.after(90 * DAY) {
                break;
            }
            let (ahead, behind, ticks) = match dice.roll(6) {
                // Taken back before it is believed.
                0 => (HOUR + minutes(dice.roll(40 * 24 * 60)), Duration::ZERO, dice.roll(18)),
                1 => (Duration::ZERO, minutes(dice.roll(40 * 24 * 60)), dice.roll(2 * 24 * 20)),
                _ => (Duration::ZERO, Duration::ZERO, dice.roll(24 * 20)),
            };
            world.clock.set(truth.after(ahead).before(behind));
            // Before the first tick after the jump: the vault notices it all the same.
            let span = minutes(dice.roll(30 * 24 * 60 + 1));
            let key = Key::undated(SPACE, number.to_be_bytes().to_vec());
            let mut batch = Batch::new(ALICE);
            batch.put_until(key.clone(), "value", Retention::new(span).unwrap().from(world.clock.now()));
            assert!(matches!(vault.commit(batch).await.unwrap(), Commit::Committed(_)));
            kept.push_back((key, truth.after(span)));
            if dice.roll(4) == 0 {
                drop(vault);
                vault = world.vault().await;
                restarts += 1;
            }
            for _ in 0..=ticks {
                truth = truth.after(3 * MINUTE);
                world.clock.set(truth.after(ahead).before(behind));
                vault.tick().await.unwrap();
            }
            for (key, over) in &kept {
                // The engine is told that nothing has expired, so the keys alone decide.
                let found = vault.get(ALICE, key, Timestamp::from_millis(0)).await.unwrap();
                if found.is_some() {
                    read += 1;
                    assert!(truth <= over.after(3 * HOUR), "opens {:?} too late", truth.since(*over));
                } else {
                    assert!(truth.after(HOUR) >= *over, "lost {:?} too early", over.since(truth));
                }
            }
            assert!(!vault.is_restored());
        }
        assert!(read > 1000 && restarts > 10, "{read} {restarts}");
    });
}

/// The clock leapt forty days ahead, and within a quarter of an hour somebody noticed. The vault had held
/// what would have expired by it; but whoever swept meanwhile had dropped every day there was, for good.
#[test]
fn days_that_an_untrusted_clock_would_drop_stay() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        let key = Key::dated(SPACE, NOW.day(), "kept");
        let mut batch = Batch::new(ALICE);
        batch.put_until(key.clone(), "value", Retention::LONGEST.from(NOW));
        assert!(matches!(vault.commit(batch).await.unwrap(), Commit::Committed(_)));
        // As the relay and the carrier do.
        let sweep = async || {
            let day = world.clock.now().before(30 * DAY).day().minus(1);
            vault.drop_days_before(day).await.unwrap();
        };

        world.clock.set(NOW.after(40 * DAY));
        sweep().await;
        world.pass(&vault, 15 * MINUTE).await;
        assert!(matches!(vault.clock_state(), ClockState::Held { .. }));
        sweep().await;
        world.clock.set(NOW.after(15 * MINUTE));
        vault.tick().await.unwrap();
        assert!(vault.get(ALICE, &key, world.clock.now()).await.unwrap().is_some());

        // What has expired by a clock that is believed goes with its day.
        world.clock.set(NOW.after(40 * DAY));
        world.pass(&vault, 90 * MINUTE).await;
        assert_eq!(vault.clock_state(), ClockState::InStep);
        sweep().await;
        let left = world.engine.get(ALICE, &key, Timestamp::from_millis(0)).await.unwrap();
        assert_eq!(left, None);
    });
}

/// A keyring that counts how often it is written.
#[derive(Debug)]
struct Counted(MemoryKeyring, Arc<AtomicUsize>);

impl KeyringFile for Counted {
    fn place(&self) -> String {
        self.0.place()
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        self.0.read()
    }

    fn create(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.create(bytes)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.write(offset, bytes)
    }
}

/// How often the keyring is written when so many commits at once find that the clock has jumped, while
/// somebody else has the keyring.
async fn writes_of_a_jump(commits: usize) -> usize {
    let (world, writes) = (World::new(1), Arc::new(AtomicUsize::new(0)));
    // It keeps the vault's own commits waiting.
    let passes = Arc::new(Semaphore::new(1));
    let gate = passes.clone();
    let engine = SlowStore::new(world.engine.clone()).before(move |call| match call {
        StoreCall::Commit(batch) if batch.partition() == SYSTEM_PARTITION => {
            let gate = gate.clone();
            Pause::until(async move { drop(gate.acquire().await.unwrap()) })
        }
        _ => Pause::none(),
    });
    let keyring = Counted(world.keyring.clone(), writes.clone());
    let (keys, clock, rng) = (world.operator(7), world.clock.clone(), world.rng.clone());
    let vault = Arc::new(Vault::open(engine, keyring, &keys, clock, rng).await.unwrap());
    put_for(&vault, ALICE, "before", "value", NOW, DAY).await;

    let held = passes.acquire().await.unwrap();
    let ticking = tokio::spawn({
        let vault = vault.clone();
        async move { vault.tick().await.unwrap() }
    });
    tokio::task::yield_now().await;
    world.clock.set(NOW.after(5 * HOUR));
    let waiting: Vec<_> = (0..commits)
        .map(|_| {
            let vault = vault.clone();
            tokio::spawn(async move { put_for(&vault, ALICE, "after", "value", NOW, DAY).await })
        })
        .collect();
    tokio::task::yield_now().await;
    writes.store(0, Ordering::Relaxed);
    drop(held);
    ticking.await.unwrap();
    for commit in waiting {
        commit.await.unwrap();
    }
    assert!(matches!(vault.clock_state(), ClockState::Held { .. }));
    writes.load(Ordering::Relaxed)
}

#[test]
fn a_jump_is_written_down_once_however_many_notice_it() {
    run(async {
        let alone = writes_of_a_jump(1).await;
        assert!(alone > 0);
        assert_eq!(writes_of_a_jump(32).await, alone);
    });
}
