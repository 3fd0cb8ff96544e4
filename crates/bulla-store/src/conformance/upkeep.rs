use std::time::Duration;

use super::assertions::{ALICE, SPACE, commit, holds, key, put, same, succeed, value};
use crate::{Batch, Commit, Counter, Store, StoreError};

/// Upkeep succeeds however often it is asked for, waits before it is asked for again, and loses nothing.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn upkeep_is_done_as_often_as_it_is_asked_for(store: &impl Store) {
    const RULE: &str = "upkeep succeeds however often it is asked for, and loses nothing";
    for _ in 0..3 {
        let next = succeed(RULE, store.upkeep().await);
        holds("a store wants time before its upkeep is due again", next != Some(Duration::ZERO));
        holds(RULE, matches!(commit(store, put(&key("record"), "value")).await, Commit::Committed(_)));
        succeed(RULE, store.upkeep().await);
        same(RULE, value(store, &key("record")).await, Some("value".to_owned()));
    }
}

/// A store that was never put back does not say so, and to accept it changes nothing.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn a_store_that_was_not_put_back_does_not_say_so(store: &impl Store) {
    const RULE: &str = "a store that was never put back is the present one";
    same(RULE, store.restored().await, None);
    holds(RULE, matches!(commit(store, put(&key("record"), "value")).await, Commit::Committed(_)));
    succeed(RULE, store.accept_restored().await);
    same(RULE, store.restored().await, None);
    same(RULE, value(store, &key("record")).await, Some("value".to_owned()));
}

/// A store can be closed twice, and then does what it is asked or says that it is closed.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn a_closed_store_says_so_or_goes_on(store: &impl Store) {
    const RULE: &str = "a closed store does what it is asked, or says that it is closed";
    holds(RULE, matches!(commit(store, put(&key("record"), "value")).await, Commit::Committed(_)));
    for _ in 0..2 {
        succeed("a store can be closed, also when it is", store.close().await);
    }
    let mut batch = Batch::new(ALICE);
    batch.add(Counter::new(SPACE, "counter"), 1);
    holds(RULE, matches!(store.commit(batch).await, Ok(Commit::Committed(_)) | Err(StoreError::Closed)));
}
