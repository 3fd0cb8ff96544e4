//! What every rule of the suite is worth: engines that break it are told so.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bulla_base::{Partition, Timestamp};
use bulla_store::{
    Batch, Commit, Counter, Expectation, Generation, Key, MAX_BATCH_BYTES, MemoryStore, Record, Scan, Space,
    Store, StoreError, StoreWrapper, Version, Watch, Watchers, conformance, erase_by_page,
};

/// How an engine is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// It says that it has committed, and keeps nothing.
    Forgets,
    /// It commits whatever is expected.
    ExpectsNothing,
    /// A batch that writes nothing has a version far ahead.
    CountsNothing,
    /// It scans from the beginning, wherever it should begin.
    BeginsAnew,
    /// The same, and it deletes nothing: whoever removes what it shows sees it again.
    BeginsAnewAndDeletesNothing,
    /// It reads counters from the beginning, wherever it should begin.
    CountsAnew,
    /// Its scans find nothing, nor do its keys.
    ShowsNothing,
    /// Its look-ups find nothing.
    FindsNothing,
    /// It shows no counter.
    ShowsNoCounter,
    /// Whatever is expected conflicts.
    AlwaysConflicts,
    /// Its watches are never woken.
    WakesNobody,
    /// Its watches are woken by every batch, of whatever space and also when it conflicts.
    WakesEverybody,
    /// It takes no batch as large as one may be.
    TakesLess,
    /// Its upkeep is due again at once.
    NeverRests,
    /// It says that it was put back.
    PutBack,
    /// It cannot be closed.
    StaysOpen,
}

const WRONGS: [Wrong; 16] = [
    Wrong::Forgets,
    Wrong::ExpectsNothing,
    Wrong::CountsNothing,
    Wrong::BeginsAnew,
    Wrong::BeginsAnewAndDeletesNothing,
    Wrong::CountsAnew,
    Wrong::ShowsNothing,
    Wrong::FindsNothing,
    Wrong::ShowsNoCounter,
    Wrong::AlwaysConflicts,
    Wrong::WakesNobody,
    Wrong::WakesEverybody,
    Wrong::TakesLess,
    Wrong::NeverRests,
    Wrong::PutBack,
    Wrong::StaysOpen,
];

/// Particular to these tests: it answers, and the answers are wrong.
struct Engine(Arc<MemoryStore>, Wrong, Watchers);

impl Engine {
    fn new(wrong: Wrong) -> Self {
        Self(Arc::new(MemoryStore::new()), wrong, Watchers::new())
    }
}

impl StoreWrapper for Engine {
    type Inner = Arc<MemoryStore>;

    fn inner(&self) -> &Arc<MemoryStore> {
        &self.0
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        match self.1 {
            Wrong::Forgets => Ok(Commit::Committed(Version::new(7))),
            Wrong::ExpectsNothing => self.0.commit(without_expectations(&batch)).await,
            Wrong::CountsNothing if !batch.writes() => Ok(match self.0.commit(batch).await? {
                Commit::Committed(version) => Commit::Committed(Version::new(version.number() + 10)),
                conflict => conflict,
            }),
            Wrong::BeginsAnewAndDeletesNothing => self.0.commit(without_deletes(&batch)).await,
            Wrong::AlwaysConflicts => match batch.expectations().first() {
                Some((key, _)) => Ok(Commit::Conflict(key.clone())),
                None => self.0.commit(batch).await,
            },
            Wrong::WakesEverybody => {
                for partition in [[0xa1; 16], [0xb0; 16]].map(Partition::from_bytes) {
                    self.2.notify_spaces(partition, (0..=u8::MAX).map(Space::new));
                }
                self.0.commit(batch).await
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
        if matches!(self.1, Wrong::BeginsAnew | Wrong::BeginsAnewAndDeletesNothing) {
            let prefix = scan.name_prefix().to_vec();
            scan = Scan::dated(scan.space(), scan.day_range().clone()).prefix(prefix).limit(scan.row_limit());
        }
        if self.1 == Wrong::ShowsNothing { Ok(Vec::new()) } else { self.0.scan(partition, &scan, now).await }
    }

    async fn pass_keys(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<Key>, StoreError> {
        Ok(self.scan(partition, scan, now).await?.into_iter().map(|(key, _)| key).collect())
    }

    async fn pass_get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        if self.1 == Wrong::FindsNothing { Ok(None) } else { self.0.get(partition, key, now).await }
    }

    async fn pass_counters(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<Vec<(Counter, u64)>, StoreError> {
        match self.1 {
            Wrong::ShowsNoCounter => Ok(Vec::new()),
            Wrong::CountsAnew => self.0.counters(space, prefix, None).await,
            _ => self.0.counters(space, prefix, after).await,
        }
    }

    fn pass_watch(&self, partition: Partition, space: Space) -> Watch {
        match self.1 {
            Wrong::WakesNobody => Watchers::new().watch(partition, space),
            Wrong::WakesEverybody => self.2.watch(partition, space),
            _ => self.0.watch(partition, space),
        }
    }

    async fn pass_erase(&self, partition: Partition) -> Result<usize, StoreError> {
        erase_by_page(self, partition).await
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
    put_and_add(batch, &mut same);
    batch.deletes().iter().for_each(|key| same.delete(key.clone()));
    same
}

fn put_and_add(batch: &Batch, same: &mut Batch) {
    for put in batch.puts() {
        match put.expiry {
            Some(expiry) => same.put_until(put.key.clone(), put.value.clone(), expiry),
            None => same.put(put.key.clone(), put.value.clone()),
        }
    }
    batch.removes().iter().for_each(|counter| same.remove_counter(counter.clone()));
    batch.adds().iter().for_each(|(counter, count)| same.add(counter.clone(), *count));
}

fn without_deletes(batch: &Batch) -> Batch {
    let mut same = Batch::new(batch.partition());
    put_and_add(batch, &mut same);
    for (key, expected) in batch.expectations() {
        match expected {
            Expectation::Absent => same.expect_absent(key.clone()),
            Expectation::Version(version) => same.expect_version(key.clone(), *version),
            _ => panic!("unknown expectation"),
        }
    }
    same
}

/// Whether the rule is not kept, told by a panic that names it. One that waits for what never comes tells
/// nobody anything, and is a fault of the suite.
fn is_broken(rule: impl Future<Output = ()>) -> bool {
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let (mut rule, mut context) = (pin!(rule), Context::from_waker(Waker::noop()));
        (0..10_000).any(|_| rule.as_mut().poll(&mut context).is_ready())
    }));
    match ended {
        Ok(has_ended) => {
            assert!(has_ended, "the rule neither holds nor is broken: it waits");
            false
        }
        Err(told) => {
            let told = told.downcast_ref::<String>().map_or("", String::as_str);
            assert!(told.starts_with("the engine breaks a rule: "), "the suite fails by itself: {told}");
            true
        }
    }
}

macro_rules! breaks {
    ($wrong:expr => $($rule:ident),* $(,)?) => {
        $(
            let engine = Engine::new($wrong);
            assert!(is_broken(conformance::$rule(&engine)), "{} is kept by {:?}", stringify!($rule), $wrong);
        )*
        assert!(is_broken(conformance::all(async || Engine::new($wrong))), "{:?}", $wrong);
    };
}

macro_rules! broken_rules {
    ($wrong:expr, $tried:ident => $($rule:ident),* $(,)?) => {{
        $( $tried.insert(stringify!($rule)); )*
        let mut broken = Vec::new();
        $( if is_broken(conformance::$rule(&Engine::new($wrong))) { broken.push(stringify!($rule)); } )*
        broken
    }};
}

/// The rules that an engine wrong in this way breaks; `tried` learns of all there are.
fn broken_rules(wrong: Wrong, tried: &mut BTreeSet<&'static str>) -> Vec<&'static str> {
    broken_rules!(wrong, tried =>
        a_conflict_changes_nothing, a_partition_sees_nothing_of_another, the_last_word_in_a_batch_counts,
        names_and_values_are_taken_at_the_bound_and_refused_beyond,
        batches_are_taken_at_the_bound_and_refused_beyond, sealed_batches_have_room_and_are_refused_beyond,
        concurrent_increments_lose_nothing, concurrent_adds_lose_nothing,
        counters_add_up, counters_are_read_in_pages, removed_counters_begin_anew,
        dropped_days_are_gone_and_the_others_stay, dropped_days_begin_anew,
        erased_partitions_are_empty_and_the_others_stay,
        conflicts_name_the_key, expectations_are_of_what_was_read,
        expired_records_are_not_read, expired_records_still_count_as_records,
        scans_are_ordered, scans_keep_to_their_prefix, scans_begin_behind_a_key, scans_go_back_from_a_key,
        scans_stop_at_their_limit, keys_are_those_of_the_scan,
        upkeep_is_done_as_often_as_it_is_asked_for, a_store_that_was_not_put_back_does_not_say_so,
        a_closed_store_says_so_or_goes_on,
        versions_are_never_used_again, a_batch_that_writes_nothing_takes_no_version,
        watches_hear_of_their_own_changes_only, watches_miss_nothing,
    )
}

/// However an engine is wrong: no rule hangs, none goes on for ever, and some rule tells.
#[test]
fn every_rule_comes_to_an_end_with_every_wrong_engine() {
    let mut tried = BTreeSet::new();
    for wrong in WRONGS {
        let broken = broken_rules(wrong, &mut tried);
        assert!(!broken.is_empty(), "{wrong:?} breaks no rule");
        println!("{wrong:?} breaks {broken:?}");
    }
    let suite = include_str!("../../src/conformance.rs");
    let all = suite.lines().filter_map(|line| line.trim().strip_suffix("(&open().await).await;"));
    assert_eq!(tried, all.collect(), "the rules tried here are those of the suite");
}

#[test]
fn an_engine_that_never_wakes_its_watches_is_told_so() {
    breaks!(Wrong::WakesNobody => watches_hear_of_their_own_changes_only, watches_miss_nothing);
    // A put, and then the question whether the watches were woken.
    let engine = Engine::new(Wrong::WakesNobody);
    assert!(is_broken(conformance::walk(engine, async |engine| engine, &[&[0, 0, 0, 1, 0, 0][..], &[14]])));
    breaks!(Wrong::WakesEverybody => watches_hear_of_their_own_changes_only);
}

#[test]
fn an_engine_that_shows_nothing_breaks_every_rule_of_what_is_shown() {
    breaks!(Wrong::ShowsNothing =>
        scans_are_ordered, scans_keep_to_their_prefix, scans_begin_behind_a_key, scans_go_back_from_a_key,
        scans_stop_at_their_limit, keys_are_those_of_the_scan, a_partition_sees_nothing_of_another,
        names_and_values_are_taken_at_the_bound_and_refused_beyond,
        batches_are_taken_at_the_bound_and_refused_beyond, sealed_batches_have_room_and_are_refused_beyond,
        dropped_days_are_gone_and_the_others_stay, erased_partitions_are_empty_and_the_others_stay,
        expired_records_are_not_read,
    );
    breaks!(Wrong::FindsNothing =>
        a_conflict_changes_nothing, a_partition_sees_nothing_of_another, the_last_word_in_a_batch_counts,
        names_and_values_are_taken_at_the_bound_and_refused_beyond,
        batches_are_taken_at_the_bound_and_refused_beyond, sealed_batches_have_room_and_are_refused_beyond,
        concurrent_increments_lose_nothing, dropped_days_are_gone_and_the_others_stay, dropped_days_begin_anew,
        erased_partitions_are_empty_and_the_others_stay, expectations_are_of_what_was_read,
        expired_records_are_not_read, upkeep_is_done_as_often_as_it_is_asked_for,
        a_store_that_was_not_put_back_does_not_say_so,
    );
    breaks!(Wrong::ShowsNoCounter =>
        counters_add_up, counters_are_read_in_pages, removed_counters_begin_anew,
        concurrent_increments_lose_nothing, concurrent_adds_lose_nothing,
    );
}

/// Each of these once had a rule read page after page, or try again, for ever.
#[test]
fn an_engine_that_never_comes_to_an_end_is_told_so() {
    breaks!(Wrong::BeginsAnew =>
        scans_begin_behind_a_key, scans_go_back_from_a_key, scans_stop_at_their_limit,
    );
    breaks!(Wrong::BeginsAnewAndDeletesNothing =>
        erased_partitions_are_empty_and_the_others_stay, scans_begin_behind_a_key, scans_go_back_from_a_key,
        scans_stop_at_their_limit,
    );
    breaks!(Wrong::CountsAnew => counters_are_read_in_pages);
    breaks!(Wrong::AlwaysConflicts =>
        concurrent_increments_lose_nothing, expectations_are_of_what_was_read, conflicts_name_the_key,
        a_batch_that_writes_nothing_takes_no_version,
    );
}

#[test]
fn an_engine_that_keeps_nothing_breaks_every_rule_of_what_is_kept() {
    breaks!(Wrong::Forgets =>
        a_conflict_changes_nothing, a_partition_sees_nothing_of_another, the_last_word_in_a_batch_counts,
        names_and_values_are_taken_at_the_bound_and_refused_beyond,
        batches_are_taken_at_the_bound_and_refused_beyond, sealed_batches_have_room_and_are_refused_beyond,
        concurrent_increments_lose_nothing, concurrent_adds_lose_nothing,
        counters_add_up, counters_are_read_in_pages, removed_counters_begin_anew,
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
    breaks!(Wrong::NeverRests => upkeep_is_done_as_often_as_it_is_asked_for);
    breaks!(Wrong::PutBack => a_store_that_was_not_put_back_does_not_say_so);
    breaks!(Wrong::StaysOpen => a_closed_store_says_so_or_goes_on);
}

/// One put, as the bytes of a step say: a walk takes the last version from the engine before it.
#[test]
fn an_engine_whose_versions_go_back_is_told() {
    breaks!(Wrong::CountsNothing => a_batch_that_writes_nothing_takes_no_version);
    let engine = Engine::new(Wrong::CountsNothing);
    assert!(is_broken(conformance::walk(engine, async |engine| engine, &[[0, 0, 0, 1, 0, 0]])));
}
