use std::time::Duration;

use super::assertions::{
    ALICE, BOB, NOW, SPACE, committed, dated, get, holds, key, put, same, scan, succeed, value,
};
use crate::{Batch, Key, Retention, Scan, Space, Store};

/// An erased partition has no record any more, whatever its space and day and whether it has expired; the
/// others have theirs.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn erased_partitions_are_empty_and_the_others_stay(store: &impl Store) {
    const RULE: &str = "an erased partition is empty, and nothing else is";
    // More than one page of one space.
    let many = |number: u16| Key::undated(SPACE, number.to_be_bytes().to_vec());
    let mut batch = Batch::new(ALICE);
    (0..300).for_each(|number| batch.put(many(number), "value"));
    let others = [
        dated(3, "old"),
        dated(0, "new"),
        Key::undated(Space::new(0), ""),
        Key::undated(Space::new(255), ""),
    ];
    others.iter().for_each(|other| batch.put(other.clone(), "value"));
    let expired =
        succeed("a span can be kept", Retention::new(Duration::ZERO).map_err(|_| crate::StoreError::Closed));
    batch.put_until(key("expired"), "value", expired.from(NOW));
    committed(store, batch).await;
    let mut bobs = Batch::new(BOB);
    bobs.put(key("his"), "value");
    committed(store, bobs).await;

    same(RULE, succeed(RULE, store.erase_partition(ALICE).await), 305);
    same(RULE, succeed(RULE, store.erase_partition(ALICE).await), 0);
    same(RULE, scan(store, &Scan::undated(SPACE)).await, vec![]);
    for other in others {
        same(RULE, value(store, &other).await, None);
    }
    let mut fresh = put(&key("expired"), "after");
    fresh.expect_absent(key("expired"));
    committed(store, fresh).await;
    holds(RULE, get(store, BOB, &key("his")).await.is_some());
}
