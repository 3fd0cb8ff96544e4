use std::time::Duration;

use super::assertions::{ALICE, NOW, SPACE, broken, commit, committed, dated, key, put, same, succeed};
use crate::{Batch, Commit, Retention, Scan, Store};

const SPAN: Duration = Duration::from_millis(5);

/// A record is read until the millisecond before its expiry and not at it, by look-ups and by scans.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn expired_records_are_not_read(store: &impl Store) {
    const RULE: &str = "a record is read until the millisecond before its expiry and not from it on";
    let Ok(retention) = Retention::new(SPAN) else { broken(RULE, SPAN) };
    let expiry = retention.from(NOW);
    let (short, long) = (dated(0, "a"), dated(0, "b"));
    let mut batch = Batch::new(ALICE);
    batch.put_until(short.clone(), "short", expiry);
    batch.put(long.clone(), "long");
    committed(store, batch).await;

    let scan = Scan::dated(SPACE, NOW.day()..=NOW.day());
    for (at, readable) in [(SPAN - Duration::from_millis(1), true), (SPAN, false), (SPAN * 2, false)] {
        let now = NOW.after(at);
        let record = succeed(RULE, store.get(ALICE, &short, now).await);
        same(RULE, record.map(|record| record.expiry), readable.then_some(Some(expiry)));
        let found = succeed(RULE, store.scan(ALICE, &scan, now).await);
        let found: Vec<_> = found.into_iter().map(|(key, _)| key).collect();
        let expected = if readable { vec![short.clone(), long.clone()] } else { vec![long.clone()] };
        same(RULE, found, expected);
    }
    // An expired record takes no place in a page.
    let page = succeed(RULE, store.scan(ALICE, &scan.limit(1), NOW.after(SPAN)).await);
    same(RULE, page.into_iter().map(|(key, _)| key).collect(), vec![long]);
}

/// An expired record that was not deleted still counts for `expect_absent`: a duplicate guard does not open
/// by the clock.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn expired_records_still_count_as_records(store: &impl Store) {
    const RULE: &str = "an expired record still counts as a record";
    let key = key("guard");
    let mut batch = Batch::new(ALICE);
    // Long ago, by whatever clock the engine might look at.
    batch.put_until(key.clone(), "value", Retention::LONGEST.from(bulla_base::Timestamp::from_millis(0)));
    let version = committed(store, batch).await;
    same(RULE, succeed(RULE, store.get(ALICE, &key, NOW).await), None);
    let mut batch = put(&key, "again");
    batch.expect_absent(key.clone());
    same(RULE, commit(store, batch).await, Commit::Conflict(key.clone()));
    let mut batch = put(&key, "again");
    batch.expect_version(key.clone(), version);
    committed(store, batch).await;
}
