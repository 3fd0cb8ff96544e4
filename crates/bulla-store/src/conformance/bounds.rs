use std::convert::Infallible;

use bytes::Bytes;

use super::assertions::{ALICE, SPACE, broken, committed, get, same, scan};
use crate::{
    Batch, Counter, Key, MAX_BATCH_BYTES, MAX_BATCH_ROWS, MAX_NAME_BYTES, MAX_VALUE_BYTES,
    SEAL_ROOM_BATCH_BYTES, SEAL_ROOM_BYTES, SEAL_ROOM_ROWS, Scan, Store, StoreError,
};

/// Names and values may be as long as the bound says and no longer.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn names_and_values_are_taken_at_the_bound_and_refused_beyond(store: &impl Store) {
    values_up_to(store, &Batch::new(ALICE), MAX_VALUE_BYTES).await;
}

/// Batches may have as many rows and bytes as the bounds say and no more.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn batches_are_taken_at_the_bound_and_refused_beyond(store: &impl Store) {
    let empty = Batch::new(ALICE);
    rows_up_to(store, &empty, MAX_BATCH_ROWS).await;
    bytes_up_to(store, &empty, MAX_VALUE_BYTES, MAX_BATCH_BYTES).await;
}

/// Batches that were sealed may have as much more as the bounds say, so that a vault can stand on the store;
/// and no more.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn sealed_batches_have_room_and_are_refused_beyond(store: &impl Store) {
    let Ok(empty) = Batch::new(ALICE).try_seal(|put| Ok::<_, Infallible>(put.value.clone()));
    values_up_to(store, &empty, MAX_VALUE_BYTES + SEAL_ROOM_BYTES).await;
    rows_up_to(store, &empty, MAX_BATCH_ROWS + SEAL_ROOM_ROWS).await;
    let most = MAX_BATCH_BYTES + SEAL_ROOM_BATCH_BYTES;
    bytes_up_to(store, &empty, MAX_VALUE_BYTES + SEAL_ROOM_BYTES, most).await;
}

async fn refused(store: &impl Store, batch: Batch, limit: usize) {
    const RULE: &str = "what is beyond a bound is refused with the numbers";
    match store.commit(batch).await {
        Err(StoreError::TooLarge { limit: told, actual, .. }) if told == limit && actual == limit + 1 => {}
        other => broken(RULE, other),
    }
}

async fn values_up_to(store: &impl Store, empty: &Batch, longest: usize) {
    const RULE: &str = "names and values are taken at the bound, and come back whole";
    let (name, value) = (vec![0xff; MAX_NAME_BYTES], Bytes::from(vec![0x5a; longest]));
    let key = Key::undated(SPACE, name.clone());
    let mut batch = empty.clone();
    batch.expect_absent(key.clone());
    batch.put(key.clone(), value.clone());
    batch.add(Counter::new(SPACE, name.clone()), 1);
    committed(store, batch).await;
    same(RULE, get(store, ALICE, &key).await.map(|record| record.value), Some(value));

    let longer = Key::undated(SPACE, vec![0; MAX_NAME_BYTES + 1]);
    let mut batches: [Batch; 4] = std::array::from_fn(|_| empty.clone());
    batches[0].expect_absent(longer.clone());
    batches[1].put(longer.clone(), &b""[..]);
    batches[2].delete(longer.clone());
    batches[3].add(Counter::new(SPACE, longer.name().clone()), 1);
    for batch in batches {
        refused(store, batch, MAX_NAME_BYTES).await;
    }
    let mut batch = empty.clone();
    batch.put(Key::undated(SPACE, "larger"), vec![0; longest + 1]);
    refused(store, batch, longest).await;
    same("what is refused is not stored", scan(store, &Scan::undated(SPACE)).await, vec![key.clone()]);

    let mut batch = empty.clone();
    batch.delete(key);
    committed(store, batch).await;
}

async fn rows_up_to(store: &impl Store, empty: &Batch, most: usize) {
    const RULE: &str = "a batch is taken at the bound";
    let mut batch = empty.clone();
    for number in 0..most {
        match number % 4 {
            0 => batch.put(key(number), &b""[..]),
            1 => batch.delete(key(number)),
            2 => batch.expect_absent(key(number)),
            _ => batch.add(Counter::new(SPACE, key(number).name().clone()), 1),
        }
    }
    committed(store, batch.clone()).await;
    // What a scan returns at most.
    same(RULE, scan(store, &Scan::undated(SPACE)).await.len(), most.div_ceil(4).min(crate::MAX_SCAN_ROWS));
    batch.delete(key(most));
    refused(store, batch, most).await;
}

async fn bytes_up_to(store: &impl Store, empty: &Batch, longest: usize, most: usize) {
    const RULE: &str = "a batch is taken at the bound";
    let mut batch = empty.clone();
    // One to begin with, and whole ones for as long as they fit.
    let name = size_of::<usize>();
    let whole = (most - name) / (longest + name);
    for number in 1..=whole {
        batch.put(key(number), vec![1; longest]);
    }
    let left = most - name - whole * (longest + name);
    batch.put(key(0), vec![1; left]);
    committed(store, batch.clone()).await;
    let read = get(store, ALICE, &key(0)).await.map(|record| record.value.len());
    same(RULE, read, Some(left));
    batch.put(key(0), vec![1; left + 1]);
    refused(store, batch, most).await;
}

fn key(number: usize) -> Key {
    Key::undated(SPACE, number.to_be_bytes().to_vec())
}
