//! The vault beside the model of the port.
//!
//! The model counts every commit; opening a vault is one more. So the vault is shown to it without its own.

use std::sync::Arc;

use bulla_base::{Day, Partition, Rng, Timestamp};
use bulla_store::{
    Batch, Commit, Counter, Expectation, Key, OWN, Record, Scan, Space, Store, StoreError, Version, Watch,
    conformance,
};
use bulla_vault::Vault;

use crate::world::{Engine, World, raw, run};

/// A vault that was opened with these commits, in the numbers it would have without them.
struct Shown {
    vault: Vault<Engine>,
    own: Vec<u64>,
}

impl Shown {
    async fn open(world: &World, mut own: Vec<u64>) -> Self {
        let vault = world.vault().await;
        own.push(
            raw(&world.engine, OWN, &Key::undated(Space::new(0x50), "generation")).await.version.number(),
        );
        Self { vault, own }
    }

    fn shown(&self, version: Version) -> Version {
        let own = self.own.iter().filter(|own| **own <= version.number()).count();
        Version::new(version.number() - own as u64)
    }

    fn hidden(&self, version: Version) -> Version {
        let number = self
            .own
            .iter()
            .fold(version.number(), |number, own| if *own <= number { number + 1 } else { number });
        Version::new(number)
    }

    fn record(&self, record: Record) -> Record {
        Record::new(self.shown(record.version), record.expiry, record.value)
    }
}

impl Store for Shown {
    async fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let mut hidden = Batch::new(batch.partition());
        for (key, expectation) in batch.expectations() {
            let version = match expectation {
                Expectation::Version(version) => Some(self.hidden(*version)),
                _ => None,
            };
            hidden.expect(key.clone(), version);
        }
        for put in batch.puts() {
            match put.expiry {
                Some(expiry) => hidden.put_until(put.key.clone(), put.value.clone(), expiry),
                None => hidden.put(put.key.clone(), put.value.clone()),
            }
        }
        batch.deletes().iter().for_each(|key| hidden.delete(key.clone()));
        batch.adds().iter().for_each(|(counter, count)| hidden.add(counter.clone(), *count));
        Ok(match self.vault.commit(hidden).await? {
            Commit::Committed(version) => Commit::Committed(self.shown(version)),
            conflict => conflict,
        })
    }

    async fn get(&self, of: Partition, key: &Key, now: Timestamp) -> Result<Option<Record>, StoreError> {
        Ok(self.vault.get(of, key, now).await?.map(|record| self.record(record)))
    }

    async fn scan(
        &self,
        of: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        let found = self.vault.scan(of, scan, now).await?;
        Ok(found.into_iter().map(|(key, record)| (key, self.record(record))).collect())
    }

    async fn counters(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<Vec<(Counter, u64)>, StoreError> {
        self.vault.counters(space, prefix, after).await
    }

    fn watch(&self, partition: Partition, space: Space) -> Watch {
        self.vault.watch(partition, space)
    }

    async fn drop_days_before(&self, day: Day) -> Result<(), StoreError> {
        self.vault.drop_days_before(day).await
    }
}

#[test]
fn walks_end_where_the_model_does() {
    run(async {
        for seed in 0..24 {
            let world = Arc::new(World::new(seed));
            let step = |_| {
                let mut bytes = [0; 64];
                world.rng.fill(&mut bytes);
                bytes
            };
            let steps: Vec<_> = (0..60).map(step).collect();
            let reopen = async |Shown { vault, own }| {
                // Nothing but the engine and the keyring is left.
                drop(vault);
                Shown::open(&world, own).await
            };
            conformance::walk(Shown::open(&world, Vec::new()).await, reopen, &steps).await;
        }
    });
}
