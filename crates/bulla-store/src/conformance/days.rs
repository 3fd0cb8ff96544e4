use bulla_base::Day;

use super::assertions::{NOW, SPACE, commit, committed, dated, key, put, same, scan, succeed, value};
use crate::{Commit, Key, Scan, Store};

/// Dropping days removes the records of the days before the given one, and no others.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn dropped_days_are_gone_and_the_others_stay(store: &impl Store) {
    const RULE: &str = "the days before the given one are dropped, and nothing else is";
    let records = [key("undated"), dated(3, "old"), dated(2, "old"), dated(1, "edge"), dated(0, "new")];
    for record in &records {
        committed(store, put(record, "value")).await;
    }
    let everything = Scan::dated(SPACE, Key::UNDATED..=Day::from_number(u32::MAX));
    succeed(RULE, store.drop_days_before(Key::UNDATED).await);
    same(RULE, scan(store, &everything).await, records.to_vec());
    for _ in 0..2 {
        succeed(RULE, store.drop_days_before(NOW.day().minus(1)).await);
        let [undated, first, second, edge, new] = &records;
        same(RULE, scan(store, &everything).await, vec![undated.clone(), edge.clone(), new.clone()]);
        same(RULE, value(store, first).await, None);
        same(RULE, value(store, second).await, None);
        same(RULE, value(store, edge).await.as_deref(), Some("value"));
    }
    succeed(RULE, store.drop_days_before(Day::from_number(u32::MAX)).await);
    same(RULE, scan(store, &everything).await, vec![key("undated")]);
}

/// A day that was dropped can be written to again, is empty then, and its old versions do not come back.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn dropped_days_begin_anew(store: &impl Store) {
    const RULE: &str = "a day that was dropped begins anew";
    let (old, new) = (dated(5, "old"), dated(5, "new"));
    let version = committed(store, put(&old, "before")).await;
    succeed(RULE, store.drop_days_before(NOW.day()).await);
    let mut late = put(&old, "late");
    late.expect_version(old.clone(), version);
    same(RULE, commit(store, late).await, Commit::Conflict(old.clone()));
    let mut batch = put(&new, "after");
    batch.expect_absent(old.clone());
    committed(store, batch).await;
    same(RULE, value(store, &old).await, None);
    same(RULE, value(store, &new).await.as_deref(), Some("after"));
}
