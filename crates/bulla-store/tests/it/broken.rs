//! What every rule of the suite is worth: engines that break it are told so.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bulla_base::{Partition, Timestamp};
use bulla_store::{
    Batch, Commit, Generation, Key, Layer, MAX_BATCH_BYTES, MemoryStore, Record, Scan, Store, StoreError,
    Version, conformance,
};

/// How an engine is wrong.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    /// It says that it has committed, and keeps nothing.
    Forgets,
    /// It commits whatever is expected.
    ExpectsNothing,
    /// A batch that writes nothing has a version far ahead.
    CountsNothing,
    /// It scans from the beginning, wherever it should begin.
    BeginsAnew,
    /// It takes no batch as large as one may be.
    TakesLess,
    /// Its upkeep is due again at once.
    NeverRests,
    /// It says that it was put back.
    PutBack,
    /// It cannot be closed.
    StaysOpen,
}

struct Engine(Arc<MemoryStore>, Wrong);

impl Layer for Engine {
    type Beneath = Arc<MemoryStore>;

    fn beneath(&self) -> &Arc<MemoryStore> {
        &self.0
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        match self.1 {
            Wrong::Forgets => Ok(Commit::Committed(Version::new(7))),
            Wrong::ExpectsNothing => self.0.commit(without_expectations(&batch)).await,
            Wrong::CountsNothing if !batch.writes() => {
                let Commit::Committed(version) = self.0.commit(batch).await? else { panic!("it conflicts") };
                Ok(Commit::Committed(Version::new(version.number() + 10)))
            }
            Wrong::TakesLess if batch.bytes() >= MAX_BATCH_BYTES => Err(StoreError::Closed),
            _ => self.0.commit(batch).await,
        }
    }

    async fn pass_scan(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        let mut scan = scan.clone();
        if matches!(self.1, Wrong::BeginsAnew) {
            let prefix = scan.name_prefix().to_vec();
            scan = Scan::dated(scan.space(), scan.day_range().clone()).prefix(prefix).limit(scan.row_limit());
        }
        self.0.scan(partition, &scan, now).await
    }

    async fn pass_upkeep(&self) -> Result<Option<Duration>, StoreError> {
        Ok(matches!(self.1, Wrong::NeverRests).then_some(Duration::ZERO))
    }

    async fn pass_restored(&self) -> Option<Generation> {
        matches!(self.1, Wrong::PutBack).then(|| Generation::new(1))
    }

    async fn pass_close(&self) -> Result<(), StoreError> {
        if matches!(self.1, Wrong::StaysOpen) { Err(StoreError::Poisoned { source: None }) } else { Ok(()) }
    }
}

fn without_expectations(batch: &Batch) -> Batch {
    let mut same = Batch::new(batch.partition());
    for put in batch.puts() {
        match put.expiry {
            Some(expiry) => same.put_until(put.key.clone(), put.value.clone(), expiry),
            None => same.put(put.key.clone(), put.value.clone()),
        }
    }
    batch.deletes().iter().for_each(|key| same.delete(key.clone()));
    batch.adds().iter().for_each(|(counter, count)| same.add(counter.clone(), *count));
    same
}

/// Whether the rule is not kept: it panics, or waits for what never comes.
fn is_broken(rule: impl Future<Output = ()>) -> bool {
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let (mut rule, mut context) = (pin!(rule), Context::from_waker(Waker::noop()));
        (0..10_000).any(|_| rule.as_mut().poll(&mut context).is_ready())
    }));
    !matches!(ended, Ok(true))
}

macro_rules! breaks {
    ($wrong:expr => $($rule:ident),* $(,)?) => {
        $(
            let engine = Engine(Arc::new(MemoryStore::new()), $wrong);
            assert!(is_broken(conformance::$rule(&engine)), "{} is kept by {:?}", stringify!($rule), $wrong);
        )*
        assert!(is_broken(conformance::all(async || Engine(Arc::new(MemoryStore::new()), $wrong))), "{:?}", $wrong);
    };
}

#[test]
fn an_engine_that_keeps_nothing_breaks_every_rule_of_what_is_kept() {
    breaks!(Wrong::Forgets =>
        a_conflict_changes_nothing, a_partition_sees_nothing_of_another, the_last_word_in_a_batch_counts,
        names_and_values_are_taken_at_the_bound_and_refused_beyond,
        batches_are_taken_at_the_bound_and_refused_beyond, sealed_batches_have_room_and_are_refused_beyond,
        concurrent_increments_lose_nothing, concurrent_adds_lose_nothing,
        counters_add_up, counters_are_read_in_pages,
        dropped_days_are_gone_and_the_others_stay, dropped_days_begin_anew,
        erased_partitions_are_empty_and_the_others_stay,
        conflicts_name_the_key, expectations_are_of_what_was_read,
        expired_records_are_not_read, expired_records_still_count_as_records,
        scans_are_ordered, scans_keep_to_their_prefix,
    );
}

#[test]
fn an_engine_that_expects_nothing_breaks_every_rule_of_what_is_expected() {
    breaks!(Wrong::ExpectsNothing =>
        a_conflict_changes_nothing, conflicts_name_the_key,
        expectations_are_of_what_was_read, expired_records_still_count_as_records,
        versions_are_never_used_again,
    );
}

#[test]
fn an_engine_that_is_wrong_in_one_thing_breaks_the_rule_of_it() {
    breaks!(Wrong::TakesLess =>
        batches_are_taken_at_the_bound_and_refused_beyond, sealed_batches_have_room_and_are_refused_beyond,
    );
    // Not all of them: some would read page after page for ever.
    let engine = Engine(Arc::new(MemoryStore::new()), Wrong::BeginsAnew);
    assert!(is_broken(conformance::scans_begin_behind_a_key(&engine)));
    breaks!(Wrong::NeverRests => upkeep_is_done_as_often_as_it_is_asked_for);
    breaks!(Wrong::PutBack => a_store_that_was_not_put_back_does_not_say_so);
    breaks!(Wrong::StaysOpen => a_closed_store_says_so_or_goes_on);
}

/// One put, as the bytes of a step say: a walk takes the last version from the engine before it.
#[test]
fn an_engine_whose_versions_go_back_is_told() {
    breaks!(Wrong::CountsNothing => a_batch_that_writes_nothing_takes_no_version);
    let engine = Engine(Arc::new(MemoryStore::new()), Wrong::CountsNothing);
    assert!(is_broken(conformance::walk(engine, async |engine| engine, &[[0, 0, 0, 1, 0, 0]])));
}
