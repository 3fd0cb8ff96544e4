use bulla_base::{Pepper, Rng, Timestamp};

use crate::{Batch, Commit, Key, SYSTEM_PARTITION, Space, Store, StoreError};

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
