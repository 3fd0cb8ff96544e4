use bytes::Bytes;

use super::rule::{ALICE, SPACE, broken, committed, get, same, scan};
use crate::{
    Batch, Counter, Key, MAX_BATCH_BYTES, MAX_BATCH_ROWS, MAX_NAME_BYTES, MAX_VALUE_BYTES, Scan, Store,
    StoreError,
};

async fn refused(store: &impl Store, batch: Batch, limit: usize) {
    const RULE: &str = "what is beyond a bound is refused with the numbers";
    match store.commit(batch).await {
        Err(StoreError::TooLarge { limit: told, actual, .. }) if told == limit && actual == limit + 1 => {}
        other => broken(RULE, other),
    }
}

/// Names and values may be as long as the bound says and no longer.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn names_and_values_are_taken_at_the_bound_and_refused_beyond(store: &impl Store) {
    const RULE: &str = "names and values are taken at the bound, and come back whole";
    let (name, value) = (vec![0xff; MAX_NAME_BYTES], Bytes::from(vec![0x5a; MAX_VALUE_BYTES]));
    let key = Key::undated(SPACE, name.clone());
    let mut batch = Batch::new(ALICE);
    batch.expect_absent(key.clone());
    batch.put(key.clone(), value.clone());
    batch.add(Counter::new(SPACE, name.clone()), 1);
    committed(store, batch).await;
    same(RULE, get(store, ALICE, &key).await.map(|record| record.value), Some(value));

    let longer = Key::undated(SPACE, vec![0; MAX_NAME_BYTES + 1]);
    let mut batches: [Batch; 4] = std::array::from_fn(|_| Batch::new(ALICE));
    batches[0].expect_absent(longer.clone());
    batches[1].put(longer.clone(), &b""[..]);
    batches[2].delete(longer.clone());
    batches[3].add(Counter::new(SPACE, longer.name().clone()), 1);
    for batch in batches {
        refused(store, batch, MAX_NAME_BYTES).await;
    }
    let mut batch = Batch::new(ALICE);
    batch.put(Key::undated(SPACE, "larger"), vec![0; MAX_VALUE_BYTES + 1]);
    refused(store, batch, MAX_VALUE_BYTES).await;
    same("what is refused is not stored", scan(store, &Scan::undated(SPACE)).await, vec![key]);
}

/// Batches may have as many rows and bytes as the bounds say and no more.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn batches_are_taken_at_the_bound_and_refused_beyond(store: &impl Store) {
    const RULE: &str = "a batch is taken at the bound";
    let key = |number: usize| Key::undated(SPACE, number.to_be_bytes().to_vec());
    let mut batch = Batch::new(ALICE);
    for number in 0..MAX_BATCH_ROWS {
        match number % 4 {
            0 => batch.put(key(number), &b""[..]),
            1 => batch.delete(key(number)),
            2 => batch.expect_absent(key(number)),
            _ => batch.add(Counter::new(SPACE, key(number).name().clone()), 1),
        }
    }
    committed(store, batch.clone()).await;
    same(RULE, scan(store, &Scan::undated(SPACE)).await.len(), MAX_BATCH_ROWS.div_ceil(4));
    batch.delete(key(MAX_BATCH_ROWS));
    refused(store, batch, MAX_BATCH_ROWS).await;

    let mut batch = Batch::new(ALICE);
    let values = MAX_BATCH_BYTES / MAX_VALUE_BYTES;
    let names = values * size_of::<usize>();
    for number in 1..values {
        batch.put(key(number), vec![1; MAX_VALUE_BYTES]);
    }
    batch.put(key(0), vec![1; MAX_VALUE_BYTES - names]);
    committed(store, batch.clone()).await;
    let read = get(store, ALICE, &key(0)).await.map(|record| record.value.len());
    same(RULE, read, Some(MAX_VALUE_BYTES - names));
    batch.put(key(0), vec![1; MAX_VALUE_BYTES - names + 1]);
    refused(store, batch, MAX_BATCH_BYTES).await;
}
