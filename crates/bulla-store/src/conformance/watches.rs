use super::assertions::{ALICE, BOB, SPACE, committed, dated, holds, is_told, key, put};
use crate::{Batch, Counter, Key, Space, Store};

/// A watch hears of puts and deletes in its space of its partition, and of nothing else.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn watches_hear_of_their_own_changes_only(store: &impl Store) {
    const RULE: &str =
        "a watch hears of what its own space of its own partition puts or deletes, and of nothing else";
    committed(store, put(&key("before"), "value")).await;
    let mut watch = store.watch(ALICE, SPACE);
    holds(RULE, !is_told(&mut watch).await);

    let mut elsewhere = Batch::new(BOB);
    elsewhere.put(key("record"), "value");
    committed(store, elsewhere).await;
    let mut other = Batch::new(ALICE);
    other.put(Key::undated(Space::new(SPACE.number() + 1), "record"), "value");
    other.add(Counter::new(SPACE, "counter"), 1);
    committed(store, other).await;
    let mut refused = put(&key("before"), "value");
    refused.expect_absent(key("before"));
    holds(RULE, store.commit(refused).await.is_ok());
    holds(RULE, !is_told(&mut watch).await);

    committed(store, put(&dated(0, "record"), "value")).await;
    holds(RULE, is_told(&mut watch).await);
    holds(RULE, !is_told(&mut watch).await);
    let mut removed = Batch::new(ALICE);
    removed.delete(dated(0, "record"));
    committed(store, removed).await;
    holds(RULE, is_told(&mut watch).await);
}

/// A change between two waits is told at the second, once; each watch is told for itself.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn watches_miss_nothing(store: &impl Store) {
    const RULE: &str = "a watch that was not waited for is told the next time, once";
    let (mut first, mut second) = (store.watch(ALICE, SPACE), store.watch(ALICE, SPACE));
    for value in ["1", "2", "3"] {
        committed(store, put(&key("record"), value)).await;
    }
    for watch in [&mut first, &mut second] {
        holds(RULE, is_told(watch).await);
        holds(RULE, !is_told(watch).await);
    }
    drop(first);
    committed(store, put(&key("record"), "4")).await;
    holds(RULE, is_told(&mut second).await);
}
