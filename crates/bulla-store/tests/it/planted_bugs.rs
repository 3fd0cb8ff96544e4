//! Engines with one bug each.

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use bulla_base::{Day, Partition, Timestamp};
use bulla_store::{
    Batch, Commit, Counter, Expectation, Key, MemoryStore, Record, Scan, Space, Store, StoreError, Watch,
    Watchers,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    ExpiredCountsAsAbsent,
    ConflictCountsAllTheSame,
    ChecksBeforeTheBatchInFrontIsIn,
    DeletesNothing,
    OnlyTheLastAddOfABatchCounts,
    ReadsOneMillisecondTooLong,
    ReadsWhatIsAnothers,
    ScansTheKeyItBeginsBehind,
    ScansOneTooMany,
    ScansOneDayOnly,
    CountersIgnoreTheirPrefix,
    DropsTheDayToo,
    DropsNothing,
    DropsUndated,
    WatchSleeps,
    WatchHearsConflicts,
    LosesTheLastBatchAtReopening,
    LosesCountersAtReopening,
    BeginsVersionsAnewAtReopening,
}

pub(crate) const BUGS: [Bug; 19] = [
    Bug::ExpiredCountsAsAbsent,
    Bug::ConflictCountsAllTheSame,
    Bug::ChecksBeforeTheBatchInFrontIsIn,
    Bug::DeletesNothing,
    Bug::OnlyTheLastAddOfABatchCounts,
    Bug::ReadsOneMillisecondTooLong,
    Bug::ReadsWhatIsAnothers,
    Bug::ScansTheKeyItBeginsBehind,
    Bug::ScansOneTooMany,
    Bug::ScansOneDayOnly,
    Bug::CountersIgnoreTheirPrefix,
    Bug::DropsTheDayToo,
    Bug::DropsNothing,
    Bug::DropsUndated,
    Bug::WatchSleeps,
    Bug::WatchHearsConflicts,
    Bug::LosesTheLastBatchAtReopening,
    Bug::LosesCountersAtReopening,
    Bug::BeginsVersionsAnewAtReopening,
];

/// A good engine, and what comes between it and those who ask. All that was committed is kept too, to open it
/// again from.
pub(crate) struct Planted {
    good: MemoryStore,
    bug: Option<Bug>,
    watchers: Watchers,
    committed: Mutex<Vec<Event>>,
}

#[derive(Clone)]
enum Event {
    Batch(Batch),
    DropDaysBefore(Day),
}

impl Planted {
    pub(crate) fn new(bug: Option<Bug>) -> Self {
        Self { good: MemoryStore::new(), bug, watchers: Watchers::new(), committed: Mutex::default() }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// The same store, from what it kept.
    pub(crate) async fn reopened(self) -> Self {
        let mut kept = self.committed.into_inner().unwrap();
        if self.bug == Some(Bug::LosesTheLastBatchAtReopening) {
            kept.pop();
        }
        let again = Self::new(self.bug);
        for event in &kept {
            match event {
                Event::Batch(batch) => {
                    let count = self.bug != Some(Bug::LosesCountersAtReopening);
                    let batch = part(batch, |_| false, |_| true, count);
                    // Takes a version all the same.
                    let batch = if batch.writes() { batch } else { untouching() };
                    assert!(matches!(again.good.commit(batch).await, Ok(Commit::Committed(_))));
                }
                Event::DropDaysBefore(day) => again.good.drop_days_before(*day).await.unwrap(),
            }
        }
        if self.bug == Some(Bug::BeginsVersionsAnewAtReopening) {
            let (anew, kept) = (Self::new(self.bug), again.what_is_left().await);
            for batch in &kept {
                assert!(matches!(anew.good.commit(batch.clone()).await, Ok(Commit::Committed(_))));
            }
            *anew.committed.lock().unwrap() = kept.into_iter().map(Event::Batch).collect();
            return anew;
        }
        *again.committed.lock().unwrap() = kept;
        again
    }

    /// All records and sums there are, as few batches write them.
    async fn what_is_left(&self) -> Vec<Batch> {
        let mut batches = PARTITIONS.map(Batch::new).to_vec();
        for space in (0..=u8::MAX).map(Space::new) {
            for (counter, count) in self.good.counters(space, b"", None).await.unwrap() {
                batches[0].add(counter, count);
            }
            let everything = Scan::dated(space, Key::UNDATED..=Day::from_number(u32::MAX));
            for batch in &mut batches {
                let partition = batch.partition();
                for (key, record) in
                    self.good.scan(partition, &everything, Timestamp::from_millis(0)).await.unwrap()
                {
                    match record.expiry {
                        Some(expiry) => batch.put_until(key, record.value, expiry),
                        None => batch.put(key, record.value),
                    }
                }
            }
        }
        batches
    }
}

const PARTITIONS: [Partition; 2] = [Partition::from_bytes([0; 16]), Partition::from_bytes([255; 16])];

/// A batch that has a version and changes nothing anybody looks at.
fn untouching() -> Batch {
    let mut batch = Batch::new(Partition::from_bytes([7; 16]));
    batch.delete(Key::undated(Space::new(77), ""));
    batch
}

/// The expectations of `batch` that `expects` likes, its puts, the deletes that `deletes` likes, and its adds
/// if they are to `count`.
fn part(
    batch: &Batch,
    expects: impl Fn(&(Key, Expectation)) -> bool,
    deletes: impl Fn(&Key) -> bool,
    count: bool,
) -> Batch {
    let mut part = Batch::new(batch.partition());
    for (key, expectation) in batch.expectations().iter().filter(|expected| expects(expected)) {
        match expectation {
            Expectation::Absent => part.expect_absent(key.clone()),
            Expectation::Version(version) => part.expect_version(key.clone(), *version),
            _ => panic!("unknown expectation"),
        }
    }
    for put in batch.puts() {
        match put.expiry {
            Some(expiry) => part.put_until(put.key.clone(), put.value.clone(), expiry),
            None => part.put(put.key.clone(), put.value.clone()),
        }
    }
    batch.deletes().iter().filter(|key| deletes(key)).for_each(|key| part.delete(key.clone()));
    batch.removes().iter().for_each(|counter| part.remove_counter(counter.clone()));
    if count {
        batch.adds().iter().for_each(|(counter, count)| part.add(counter.clone(), *count));
    }
    part
}

async fn give_way() {
    let mut waited = false;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

impl Store for Planted {
    async fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let mut done = batch.clone();
        if self.has(Bug::ExpiredCountsAsAbsent) {
            let mut absent = HashSet::new();
            for (key, _) in batch.expectations() {
                if self.good.get(batch.partition(), key, Timestamp::from_millis(u64::MAX)).await?.is_none() {
                    absent.insert(key.clone());
                }
            }
            done = part(
                &batch,
                |(key, expected)| *expected != Expectation::Absent || !absent.contains(key),
                |_| true,
                true,
            );
        }
        if self.has(Bug::ChecksBeforeTheBatchInFrontIsIn) {
            let mut guards = Batch::new(batch.partition());
            for (key, expected) in batch.expectations() {
                match expected {
                    Expectation::Absent => guards.expect_absent(key.clone()),
                    Expectation::Version(version) => guards.expect_version(key.clone(), *version),
                    _ => panic!("unknown expectation"),
                }
            }
            let checked = self.good.commit(guards).await?;
            if let Commit::Conflict(_) = checked {
                return Ok(checked);
            }
            give_way().await;
            done = part(&batch, |_| false, |_| true, true);
        }
        if self.has(Bug::DeletesNothing) {
            done = part(&batch, |_| true, |_| false, true);
            if batch.writes() && !done.writes() {
                done.delete(Key::undated(Space::new(77), ""));
            }
        }
        if self.has(Bug::OnlyTheLastAddOfABatchCounts) {
            done = part(&batch, |_| true, |_| true, false);
            for (place, (counter, count)) in batch.adds().iter().enumerate() {
                let later = &batch.adds()[place + 1..];
                let stands = later.iter().all(|(other, _)| other != counter);
                done.add(counter.clone(), if stands { *count } else { 0 });
            }
        }
        let commit = self.good.commit(done.clone()).await?;
        match &commit {
            Commit::Committed(_) => {
                if done.writes() {
                    self.committed.lock().unwrap().push(Event::Batch(done));
                }
                self.watchers.notify(&batch);
            }
            Commit::Conflict(_) if self.has(Bug::ConflictCountsAllTheSame) && !batch.adds().is_empty() => {
                let mut adds = Batch::new(batch.partition());
                batch.adds().iter().for_each(|(counter, count)| adds.add(counter.clone(), *count));
                self.committed.lock().unwrap().push(Event::Batch(adds.clone()));
                let _counted = self.good.commit(adds).await?;
            }
            _ => {}
        }
        if self.has(Bug::WatchHearsConflicts) {
            self.watchers.notify(&batch);
        }
        Ok(commit)
    }

    async fn get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        let early = now.before(Duration::from_millis(u64::from(self.has(Bug::ReadsOneMillisecondTooLong))));
        let found = self.good.get(partition, key, early).await?;
        if found.is_none() && self.has(Bug::ReadsWhatIsAnothers) {
            let other = Partition::from_bytes(partition.as_bytes().map(|byte| !byte));
            return self.good.get(other, key, now).await;
        }
        Ok(found)
    }

    async fn scan(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        let mut days = scan.day_range();
        if self.has(Bug::ScansOneDayOnly) {
            days = *days.start()..=*days.start();
        }
        let more = usize::from(self.has(Bug::ScansOneTooMany) && scan.row_limit() > 0);
        let plain = Scan::dated(scan.space(), days).prefix(scan.name_prefix().clone());
        let asked = match scan.begin_after() {
            Some(key) => plain.clone().after(key.clone()),
            None => plain.clone(),
        };
        let asked = match scan.end_before() {
            Some(key) => asked.before(key.clone()),
            None => asked,
        };
        let mut found = self.good.scan(partition, &asked.limit(scan.row_limit() + more), now).await?;
        if let Some(key) = scan.begin_after()
            && self.has(Bug::ScansTheKeyItBeginsBehind)
            && plain.covers(key)
            && let Some(record) = self.good.get(partition, key, now).await?
        {
            found.insert(0, (key.clone(), record));
            found.truncate(scan.row_limit());
        }
        Ok(found)
    }

    async fn counters(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<Vec<(Counter, u64)>, StoreError> {
        let prefix = if self.has(Bug::CountersIgnoreTheirPrefix) { b"" } else { prefix };
        self.good.counters(space, prefix, after).await
    }

    fn watch(&self, partition: Partition, space: Space) -> Watch {
        let other = Watchers::new();
        if self.has(Bug::WatchSleeps) {
            other.watch(partition, space)
        } else {
            self.watchers.watch(partition, space)
        }
    }

    async fn drop_days_before(&self, day: Day) -> Result<(), StoreError> {
        let more = u32::from(self.has(Bug::DropsTheDayToo));
        let day = if self.has(Bug::DropsNothing) {
            Day::from_number(0)
        } else {
            Day::from_number(day.number() + more)
        };
        if self.has(Bug::DropsUndated) {
            let space = Space::new(1);
            for partition in PARTITIONS {
                let mut batch = Batch::new(partition);
                for (key, _) in
                    self.good.scan(partition, &Scan::undated(space), Timestamp::from_millis(0)).await?
                {
                    batch.delete(key);
                }
                let _gone = self.good.commit(batch).await?;
            }
        }
        self.good.drop_days_before(day).await?;
        self.committed.lock().unwrap().push(Event::DropDaysBefore(day));
        Ok(())
    }
}
