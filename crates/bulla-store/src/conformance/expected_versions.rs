use super::assertions::{ALICE, BOB, commit, committed, dated, get, key, put, same, value};
use crate::{Batch, Commit, Store, Version};

/// A conflict names the key of an expectation that did not hold.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn conflicts_name_the_key(store: &impl Store) {
    const RULE: &str = "a conflict names the key whose expectation did not hold";
    let (there, absent) = (dated(0, "there"), dated(3, "absent"));
    let version = committed(store, put(&there, "value")).await;

    let mut batch = Batch::new(ALICE);
    batch.expect_version(there.clone(), version);
    batch.expect_version(absent.clone(), version);
    same(RULE, commit(store, batch).await, Commit::Conflict(absent.clone()));
    let mut batch = Batch::new(ALICE);
    batch.expect_absent(absent);
    batch.expect_absent(there.clone());
    same(RULE, commit(store, batch).await, Commit::Conflict(there));
}

/// An expectation holds of the very record that was read: not of an older one, not of another partition's,
/// not of none.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn expectations_are_of_what_was_read(store: &impl Store) {
    const RULE: &str = "an expectation holds of the record that was read and of no other";
    let key = key("session");
    let mut first = put(&key, "1");
    first.expect(key.clone(), None);
    let first = committed(store, first).await;
    let mut other = Batch::new(BOB);
    other.put(key.clone(), "bob's");
    let other = committed(store, other).await;

    for wrong in [None, Some(other), Some(Version::new(0)), Some(Version::new(u64::MAX))] {
        let mut batch = put(&key, "wrong");
        batch.expect(key.clone(), wrong);
        same(RULE, commit(store, batch).await, Commit::Conflict(key.clone()));
    }
    let mut second = put(&key, "2");
    second.expect(key.clone(), Some(first));
    let second = committed(store, second.clone()).await;
    let mut stale = put(&key, "stale");
    stale.expect(key.clone(), Some(first));
    same(RULE, commit(store, stale).await, Commit::Conflict(key.clone()));
    same(RULE, value(store, &key).await.as_deref(), Some("2"));
    let read = get(store, ALICE, &key).await.map(|record| record.version);
    same("a record has the version its commit returned", read, Some(second));

    let mut removed = Batch::new(ALICE);
    removed.expect(key.clone(), Some(second));
    removed.delete(key.clone());
    committed(store, removed).await;
    let mut late = put(&key, "late");
    late.expect(key.clone(), Some(second));
    same(RULE, commit(store, late).await, Commit::Conflict(key.clone()));
}
