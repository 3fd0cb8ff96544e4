//! What can be counted of a vault from outside.

use std::collections::BTreeMap;

use bulla_base::{Clock, Timestamp};
use bulla_store::{Batch, Commit, Store};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use crate::torn_keyring::Torn;
use crate::world::{ALICE, BOB, DAY, HOUR, NOW, World, key, plant, put, put_for, raw, run, try_read};

/// What was counted since it was last asked for, and what gauges show: by name, and by name and label.
struct Seen(Snapshotter);

impl Seen {
    fn take(&self) -> BTreeMap<String, u64> {
        let mut seen = BTreeMap::new();
        for (metric, _, _, value) in self.0.snapshot().into_vec() {
            let value = match value {
                DebugValue::Counter(count) => count,
                DebugValue::Gauge(shown) => format!("{:.0}", shown.into_inner()).parse().unwrap(),
                DebugValue::Histogram(_) => continue,
            };
            let label: String = metric.key().labels().map(|label| format!(" {}", label.value())).collect();
            seen.insert(format!("{}{label}", metric.key().name()), value);
        }
        seen
    }
}

fn counted(test: impl AsyncFnOnce(Seen)) {
    let recorder = DebuggingRecorder::new();
    let seen = Seen(recorder.snapshotter());
    metrics::with_local_recorder(&recorder, || run(test(seen)));
}

#[test]
fn hours_generations_and_the_clock_are_seen() {
    counted(async |seen| {
        let world = World::new(1);
        let vault = world.vault().await;
        assert_eq!(seen.take()["bulla_vault_generations_total"], 1);
        put_for(&vault, ALICE, "hourly", "value", NOW, HOUR).await;
        world.pass(&vault, 5 * HOUR).await;
        assert_eq!(seen.take()["bulla_vault_forgotten_hours_total"], 5);
        world.clock.advance(2 * DAY);
        vault.upkeep().await.unwrap();
        vault.erase_partition(ALICE).await.unwrap();
        let counted = seen.take();
        assert_eq!(counted["bulla_vault_reckonings_total ahead"], 1);
        assert_eq!(counted["bulla_vault_salts_total erased"], 1);
    });
}

#[test]
fn unopened_record_is_counted_by_its_reason() {
    counted(async |seen| {
        let world = World::new(1);
        let vault = world.vault().await;
        put(&vault, ALICE, "name", "value").await;
        put(&vault, BOB, "name", "value").await;
        let bobs = raw(&world.engine, BOB, &key("name")).await;
        plant(&world.engine, ALICE, key("name"), &bobs).await;
        assert!(try_read(&vault, ALICE, "name").await.is_err());
        let mut batch = Batch::new(BOB);
        batch.put(key("name"), "no sealed form");
        assert!(matches!(world.engine.commit(batch).await.unwrap(), Commit::Committed(_)));
        assert!(vault.get(BOB, &key("name"), Timestamp::from_millis(0)).await.is_err());
        let counted = seen.take();
        assert_eq!(counted["bulla_vault_unopened_total does_not_open"], 1);
        assert_eq!(counted["bulla_vault_unopened_total damaged"], 1);
    });
}

#[test]
fn a_keyring_that_cannot_be_written_is_counted() {
    counted(async |seen| {
        let world = World::new(1);
        drop(world.vault().await);
        let counted = seen.take();
        assert!(counted["bulla_vault_keyring_writes_total done"] > 0);
        assert!(!counted.contains_key("bulla_vault_keyring_writes_total failed"));
        let full = Torn::new(world.keyring.clone(), 100);
        let (keys, clock, rng) = (world.operator(7), world.clock.clone(), world.rng.clone());
        let opened = bulla_vault::Vault::open(world.engine.clone(), full, &keys, clock, rng).await;
        assert!(opened.is_err() && world.clock.now() == NOW);
        assert_eq!(seen.take()["bulla_vault_keyring_writes_total failed"], 1);
    });
}
