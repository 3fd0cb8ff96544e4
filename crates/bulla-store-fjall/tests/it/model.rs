//! The engine against the plainest reading of the port: whatever is asked of both, both answer the same.

use std::collections::HashMap;

use bulla_base::{Day, Partition};
use bulla_store::{Batch, Counter, Key, MemoryStore, Retention, Scan, Space, Store, Version};
use bulla_store_fjall::{FjallOptions, FjallStore};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::{NOW, day};

#[derive(Debug, Clone)]
enum Step {
    Commit { partition: Partition, expectations: Vec<(Key, Expected)>, writes: Vec<Write> },
    Get { partition: Partition, key: Key, after: u64 },
    Scan { partition: Partition, scan: Scan, after: u64 },
    Counters { space: Space, prefix: Vec<u8>, after: Option<Vec<u8>> },
    DropDaysBefore(Day),
    Reopen,
}

#[derive(Debug, Clone, Copy)]
enum Expected {
    Absent,
    /// What a `Get` found last, if it found anything.
    Remembered,
    /// What is there.
    Current,
}

#[derive(Debug, Clone)]
enum Write {
    Put { key: Key, byte: u8, length: usize, expires: Option<u64> },
    Delete(Key),
    Add(Counter, u64),
}

/// How far the clock and expiries go, in milliseconds.
const SOON: u64 = 4;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (partition(), vec((key(), expected()), 0..3), vec(write(), 0..6)).prop_map(
            |(partition, expectations, writes)| Step::Commit { partition, expectations, writes }
        ),
        3 => (partition(), key(), 0..=SOON).prop_map(|(partition, key, after)| Step::Get { partition, key, after }),
        3 => (partition(), scan(), 0..=SOON).prop_map(|(partition, scan, after)| Step::Scan { partition, scan, after }),
        1 => (space(), name(), proptest::option::of(name())).prop_map(
            |(space, prefix, after)| Step::Counters { space, prefix, after }
        ),
        1 => (0..4_u32).prop_map(|ago| Step::DropDaysBefore(day(ago))),
        1 => Just(Step::Reopen),
    ]
}

fn partition() -> impl Strategy<Value = Partition> {
    prop_oneof![Just([0; 16]), Just([255; 16])].prop_map(Partition::from_bytes)
}

fn space() -> impl Strategy<Value = Space> {
    prop_oneof![Just(0), Just(1), Just(255)].prop_map(Space::new)
}

fn on_day() -> impl Strategy<Value = Day> {
    prop_oneof![Just(Key::UNDATED), (0..3_u32).prop_map(day)]
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0), Just(b'a'), Just(255)], 0..3)
}

fn key() -> impl Strategy<Value = Key> {
    (space(), on_day(), name()).prop_map(|(space, day, name)| Key::dated(space, day, name))
}

fn expected() -> impl Strategy<Value = Expected> {
    prop_oneof![1 => Just(Expected::Absent), 1 => Just(Expected::Remembered), 4 => Just(Expected::Current)]
}

fn write() -> impl Strategy<Value = Write> {
    let length = prop_oneof![6 => 0..40_usize, 1 => 1000..1100_usize, 1 => Just(300_000)];
    prop_oneof![
        4 => (key(), any::<u8>(), length, proptest::option::of(0..=SOON))
            .prop_map(|(key, byte, length, expires)| Write::Put { key, byte, length, expires }),
        2 => key().prop_map(Write::Delete),
        1 => (space(), name(), prop_oneof![0..9_u64, Just(u64::MAX)])
            .prop_map(|(space, name, count)| Write::Add(Counter::new(space, name), count)),
    ]
}

fn scan() -> impl Strategy<Value = Scan> {
    let limit = prop_oneof![Just(usize::MAX), 0..4_usize];
    (space(), on_day(), on_day(), name(), proptest::option::of(key()), limit).prop_map(
        |(space, first, last, prefix, after, limit)| {
            let scan = Scan::dated(space, first..=last).prefix(prefix).limit(limit);
            match after {
                Some(key) => scan.after(key),
                None => scan,
            }
        },
    )
}

struct Pair {
    model: MemoryStore,
    engine: FjallStore,
    folder: TempDir,
    remembered: HashMap<(Partition, Key), Option<Version>>,
}

impl Pair {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let engine = open(&folder);
        Self { model: MemoryStore::new(), engine, folder, remembered: HashMap::new() }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Commit { partition, expectations, writes } => {
                let mut batch = Batch::new(partition);
                for (key, expected) in expectations {
                    let version = match expected {
                        Expected::Absent => None,
                        Expected::Remembered => {
                            self.remembered.get(&(partition, key.clone())).copied().flatten()
                        }
                        Expected::Current => self.get(partition, &key, 0).await,
                    };
                    batch.expect(key, version);
                }
                for write in writes {
                    write.onto(&mut batch);
                }
                let model = self.model.commit(batch.clone()).await.unwrap();
                assert_eq!(self.engine.commit(batch).await.unwrap(), model);
            }
            Step::Get { partition, key, after } => {
                let version = self.get(partition, &key, after).await;
                self.remembered.insert((partition, key), version);
            }
            Step::Scan { partition, scan, after } => self.scan(partition, &scan, after).await,
            Step::Counters { space, prefix, after } => {
                let model = self.model.counters(space, &prefix, after.as_deref()).await.unwrap();
                assert_eq!(self.engine.counters(space, &prefix, after.as_deref()).await.unwrap(), model);
            }
            Step::DropDaysBefore(day) => {
                self.model.drop_days_before(day).await.unwrap();
                self.engine.drop_days_before(day).await.unwrap();
            }
            Step::Reopen => {
                self.engine.close().await.unwrap();
                self.engine = open(&self.folder);
            }
        }
    }

    async fn get(&self, partition: Partition, key: &Key, after: u64) -> Option<Version> {
        let now = NOW.after(std::time::Duration::from_millis(after));
        let model = self.model.get(partition, key, now).await.unwrap();
        assert_eq!(self.engine.get(partition, key, now).await.unwrap(), model);
        model.map(|record| record.version)
    }

    async fn scan(&self, partition: Partition, scan: &Scan, after: u64) {
        let now = NOW.after(std::time::Duration::from_millis(after));
        let model = self.model.scan(partition, scan, now).await.unwrap();
        assert_eq!(self.engine.scan(partition, scan, now).await.unwrap(), model);
    }

    async fn compare_everything(&mut self) {
        for number in [0, 1, 255] {
            let space = Space::new(number);
            for partition in [[0; 16], [255; 16]] {
                let everything = Scan::dated(space, Key::UNDATED..=Day::from_number(u32::MAX));
                self.scan(Partition::from_bytes(partition), &everything, 0).await;
            }
            self.take(Step::Counters { space, prefix: Vec::new(), after: None }).await;
        }
    }
}

impl Write {
    fn onto(self, batch: &mut Batch) {
        match self {
            Self::Put { key, byte, length, expires: None } => batch.put(key, vec![byte; length]),
            Self::Put { key, byte, length, expires: Some(millis) } => {
                let retention = Retention::new(std::time::Duration::from_millis(millis)).unwrap();
                batch.put_until(key, vec![byte; length], retention.from(NOW));
            }
            Self::Delete(key) => batch.delete(key),
            Self::Add(counter, count) => batch.add(counter, count),
        }
    }
}

/// Small write buffers, so that some of what is read was flushed.
fn open(folder: &TempDir) -> FjallStore {
    FjallStore::open(folder.path(), FjallOptions::default().write_buffer_bytes(0)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_answers_as_the_model_does(steps in vec(step(), 1..80)) {
        crate::run(async {
            let mut pair = Pair::new();
            for step in steps {
                pair.take(step).await;
            }
            pair.compare_everything().await;
            pair.take(Step::Reopen).await;
            pair.compare_everything().await;
        });
    }
}
