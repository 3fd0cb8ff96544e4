use super::assertions::{
    ALICE, SPACE, broken, commit, committed, count, get, key, put, same, together, value,
};
use crate::{Batch, Commit, Counter, Store};

const CALLERS: u64 = 64;

/// Sixty-four callers that each increment one record by compare-and-swap until they win lose no increment.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn concurrent_increments_lose_nothing(store: &impl Store) {
    const RULE: &str = "of batches that expect the same version exactly one is committed";
    let key = key("number");
    committed(store, put(&key, "0")).await;
    let counter = Counter::new(SPACE, "increments");
    together((0..CALLERS).map(async |_| {
        // Whoever loses has lost to one of the others, each of whom wins once.
        for _ in 0..CALLERS {
            let Some(record) = get(store, ALICE, &key).await else { broken(RULE, &key) };
            let text = String::from_utf8_lossy(&record.value).into_owned();
            let Ok(number) = text.parse::<u64>() else { broken(RULE, text) };
            let mut batch = Batch::new(ALICE);
            batch.expect_version(key.clone(), record.version);
            batch.put(key.clone(), (number + 1).to_string());
            batch.add(counter.clone(), 1);
            if let Commit::Committed(_) = commit(store, batch).await {
                return;
            }
        }
    }))
    .await;
    same(RULE, value(store, &key).await, Some(CALLERS.to_string()));
    same(RULE, count(store, &counter).await, CALLERS);
}

/// Adds and new records of many callers at once are all there afterwards, each under its own version.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn concurrent_adds_lose_nothing(store: &impl Store) {
    const RULE: &str = "adds of many callers at once never conflict and add up";
    let counter = Counter::new(SPACE, "adds");
    let mut versions = together((0..CALLERS).map(async |caller| {
        let mut batch = Batch::new(ALICE);
        batch.put(crate::Key::undated(SPACE, caller.to_be_bytes().to_vec()), &b""[..]);
        batch.add(counter.clone(), caller);
        committed(store, batch).await
    }))
    .await;
    same(RULE, count(store, &counter).await, (0..CALLERS).sum());
    versions.sort();
    versions.dedup();
    same("every commit has its own version", versions.len() as u64, CALLERS);
}
