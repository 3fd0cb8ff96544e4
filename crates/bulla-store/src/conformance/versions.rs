use super::assertions::{ALICE, BOB, SPACE, commit, committed, dated, holds, key, put, same};
use crate::{Batch, Commit, Counter, Store};

/// Versions grow with every commit and are not used again after a record was deleted and made anew.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn versions_are_never_used_again(store: &impl Store) {
    const RULE: &str = "a version is larger than all before it, also of a key that came back";
    let mut seen = Vec::new();
    for key in [key("undated"), dated(1, "dated")] {
        for _ in 0..3 {
            seen.push(committed(store, put(&key, "value")).await);
            let mut batch = Batch::new(ALICE);
            batch.delete(key.clone());
            seen.push(committed(store, batch).await);
        }
        let version = committed(store, put(&key, "value")).await;
        for old in &seen {
            let mut batch = put(&key, "fooled");
            batch.expect_version(key.clone(), *old);
            same(RULE, commit(store, batch).await, Commit::Conflict(key.clone()));
        }
        seen.push(version);
        let mut batch = Batch::new(BOB);
        batch.add(Counter::new(SPACE, "counter"), 1);
        seen.push(committed(store, batch).await);
    }
    holds(RULE, seen.is_sorted_by(|earlier, later| earlier < later));
}

/// A batch of expectations alone is answered with the version of the last commit.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn a_batch_that_writes_nothing_takes_no_version(store: &impl Store) {
    const RULE: &str = "a batch that writes nothing has the version of the last one that did";
    let key = key("record");
    let version = committed(store, put(&key, "value")).await;
    for _ in 0..2 {
        let mut batch = Batch::new(ALICE);
        batch.expect_version(key.clone(), version);
        same(RULE, commit(store, batch).await, Commit::Committed(version));
    }
    same(RULE, commit(store, Batch::new(BOB)).await, Commit::Committed(version));
}
