use bulla_base::{Partition, Pepper, Rng, Timestamp};
use bytes::Bytes;

use crate::scan::goes_on;
use crate::{Batch, Commit, Counter, Key, Space, Store, StoreError};

/// The partition of what belongs to no customer.
pub const SYSTEM_PARTITION: Partition = Partition::from_bytes([0; 16]);

/// The pepper kept in `space` of a store's [`SYSTEM_PARTITION`], drawn and kept at first use.
///
/// # Errors
/// When the store fails or the pepper is damaged.
pub async fn pepper<S: Store>(
    store: &S,
    space: Space,
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<Pepper, StoreError> {
    let key = Key::undated(space, "");
    loop {
        if let Some(record) = store.get(SYSTEM_PARTITION, &key, now).await? {
            let bytes = record.value[..].try_into().map_err(|_| StoreError::Damaged { what: "pepper" })?;
            return Ok(Pepper::from_bytes(bytes));
        }
        let mut batch = Batch::new(SYSTEM_PARTITION);
        batch.expect_absent(key.clone());
        batch.put(key.clone(), Pepper::new(rng).as_bytes().to_vec());
        // Whoever came first, committed or in conflict: there is one now.
        let (Commit::Committed(_) | Commit::Conflict(_)) = store.commit(batch).await?;
    }
}

/// Every counter of `space` whose name begins with `prefix`, however many there are.
///
/// # Errors
/// When the store fails or a counter is damaged.
pub async fn every_counter<S: Store>(
    store: &S,
    space: Space,
    prefix: &[u8],
) -> Result<Vec<(Counter, u64)>, StoreError> {
    let (mut counts, mut after) = (Vec::new(), None::<Bytes>);
    loop {
        let page = store.counters(space, prefix, after.as_deref()).await?;
        let (Some((first, _)), Some((last, _))) = (page.first(), page.last()) else { return Ok(counts) };
        goes_on(after.as_ref(), first.name())?;
        after = Some(last.name().clone());
        counts.extend(page);
    }
}
