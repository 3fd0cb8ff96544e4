use super::assertions::{
    ALICE, BOB, SPACE, commit, committed, count, get, holds, key, put, same, scan, value,
};
use crate::{Batch, Commit, Counter, Scan, Store};

/// A batch that conflicts changes no record and no counter, whatever else is in it.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn a_conflict_changes_nothing(store: &impl Store) {
    const RULE: &str = "a batch that conflicts changes nothing";
    let (taken, kept, new) = (key("taken"), key("kept"), key("new"));
    let counter = Counter::new(SPACE, "counter");
    let mut before = put(&taken, "before");
    before.put(kept.clone(), "before");
    let version = committed(store, before).await;

    let mut batch = put(&new, "after");
    batch.put(taken.clone(), "after");
    batch.delete(kept.clone());
    batch.add(counter.clone(), 1);
    batch.expect_version(kept.clone(), version);
    batch.expect_absent(taken.clone());
    same(RULE, commit(store, batch).await, Commit::Conflict(taken.clone()));
    same(RULE, value(store, &taken).await.as_deref(), Some("before"));
    same(RULE, value(store, &kept).await.as_deref(), Some("before"));
    same(RULE, value(store, &new).await, None);
    same(RULE, count(store, &counter).await, 0);
    same(RULE, get(store, ALICE, &taken).await.map(|record| record.version), Some(version));
}

/// One key names one record in each partition.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn a_partition_sees_nothing_of_another(store: &impl Store) {
    const RULE: &str = "a partition sees nothing of another";
    let key = key("mine");
    committed(store, put(&key, "alice")).await;
    same(RULE, get(store, BOB, &key).await, None);
    let mut batch = Batch::new(BOB);
    batch.expect_absent(key.clone());
    batch.delete(key.clone());
    holds(RULE, matches!(commit(store, batch).await, Commit::Committed(_)));
    same(RULE, value(store, &key).await.as_deref(), Some("alice"));
    same(RULE, scan(store, &Scan::undated(SPACE)).await, vec![key]);
}

/// Of what a batch says about one key, the last counts.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn the_last_word_in_a_batch_counts(store: &impl Store) {
    const RULE: &str = "the last word in a batch counts";
    let (put_last, deleted_last, put_twice) = (key("put"), key("deleted"), key("twice"));
    committed(store, put(&deleted_last, "before")).await;
    let mut batch = Batch::new(ALICE);
    batch.delete(put_last.clone());
    batch.put(put_last.clone(), "put");
    batch.put(deleted_last.clone(), "put");
    batch.delete(deleted_last.clone());
    batch.delete(deleted_last.clone());
    batch.put(put_twice.clone(), "first");
    batch.put(put_twice.clone(), "second");
    committed(store, batch).await;
    same(RULE, value(store, &put_last).await.as_deref(), Some("put"));
    same(RULE, value(store, &deleted_last).await, None);
    same(RULE, value(store, &put_twice).await.as_deref(), Some("second"));
}
