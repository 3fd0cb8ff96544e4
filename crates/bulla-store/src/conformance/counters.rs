use super::assertions::{ALICE, BOB, NOW, SPACE, committed, count, same, succeed};
use crate::{Batch, Counter, MAX_SCAN_ROWS, Space, Store};

/// Adds to one counter add up: within a batch, over batches, over partitions, and never beyond the largest
/// number.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn counters_add_up(store: &impl Store) {
    const RULE: &str = "what is added to a counter adds up";
    let counter = Counter::new(SPACE, "sent");
    same(RULE, count(store, &counter).await, 0);
    for partition in [ALICE, BOB, ALICE] {
        let mut batch = Batch::new(partition);
        batch.add(counter.clone(), 1);
        batch.add(Counter::new(SPACE, "sent too"), 100);
        batch.add(counter.clone(), 2);
        committed(store, batch).await;
    }
    same(RULE, count(store, &counter).await, 9);
    same(RULE, count(store, &Counter::new(SPACE, "sent too")).await, 300);
    same(RULE, count(store, &Counter::new(Space::new(SPACE.number() + 1), "sent")).await, 0);

    let mut batch = Batch::new(BOB);
    batch.add(counter.clone(), u64::MAX);
    committed(store, batch).await;
    same("a counter stops at the largest number", count(store, &counter).await, u64::MAX);
    succeed("a counter outlives all days", store.drop_days_before(NOW.day()).await);
    same("a counter outlives all days", count(store, &counter).await, u64::MAX);
}

/// Counters are read by prefix, in the order of their names, in pages.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn counters_are_read_in_pages(store: &impl Store) {
    const RULE: &str = "counters are read by prefix, in the order of their names, behind the name given";
    let name = |number: u64| [b"n".as_slice(), &number.to_be_bytes()].concat();
    let all = MAX_SCAN_ROWS as u64 + 2;
    for from in (0..all).step_by(1000) {
        let mut batch = Batch::new(ALICE);
        for number in from..all.min(from + 1000) {
            batch.add(Counter::new(SPACE, name(number)), number + 1);
        }
        for other in [&b""[..], b"m", b"o"] {
            batch.add(Counter::new(SPACE, other), 1);
        }
        committed(store, batch).await;
    }
    let first = succeed(RULE, store.counters(SPACE, b"n", None).await);
    same(RULE, first.len(), MAX_SCAN_ROWS);
    let Some((last, _)) = first.last() else { return };
    let rest = succeed(RULE, store.counters(SPACE, b"n", Some(last.name())).await);
    let found: Vec<_> =
        first.iter().chain(&rest).map(|(counter, count)| (counter.name().to_vec(), *count)).collect();
    same(RULE, found, (0..all).map(|number| (name(number), number + 1)).collect());

    let few = succeed(RULE, store.counters(SPACE, b"", Some(&name(all - 2))).await);
    let few: Vec<_> = few.into_iter().map(|(counter, _)| counter.name().to_vec()).collect();
    same(RULE, few, vec![name(all - 1), b"o".to_vec()]);
    same(RULE, succeed(RULE, store.counters(SPACE, b"n", Some(b"o")).await), vec![]);
    let before = succeed(RULE, store.counters(SPACE, b"m", Some(b"a")).await);
    same(RULE, before.len(), 1);
}

/// A counter that is removed is not there, and begins anew with what is added next; others stay.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn removed_counters_begin_anew(store: &impl Store) {
    const RULE: &str = "a removed counter is gone, and begins anew";
    let [gone, stays] = ["gone", "stays"].map(|name| Counter::new(SPACE, name));
    let nothing = Counter::new(SPACE, "nothing");
    let mut batch = Batch::new(ALICE);
    batch.add(gone.clone(), 7);
    batch.add(stays.clone(), 3);
    batch.add(nothing, 0);
    committed(store, batch).await;

    let mut batch = Batch::new(BOB);
    batch.remove_counter(gone.clone());
    batch.remove_counter(Counter::new(SPACE, "never there"));
    committed(store, batch).await;
    same(RULE, succeed(RULE, store.counters(SPACE, b"", None).await), vec![(stays.clone(), 3)]);

    let mut batch = Batch::new(ALICE);
    batch.add(stays.clone(), 1);
    batch.remove_counter(stays.clone());
    batch.add(stays.clone(), 1);
    batch.add(gone.clone(), 5);
    committed(store, batch).await;
    same("what is added counts from where it was removed", count(store, &stays).await, 2);
    same(RULE, count(store, &gone).await, 5);
}
