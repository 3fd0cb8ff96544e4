use bulla_base::{Partition, Timestamp};
use bulla_store::{Batch, Commit, Key, SYSTEM_PARTITION, Store, StoreError};
use bytes::Bytes;

use crate::store_layout::{GENERATION, only};

/// Begins a new generation of the store, durably: to be called before endpoints are opened on it, when it is
/// known to have been put back from a backup.
///
/// From now on the sessions in it open what comes in them, and are never sealed in again: steps may have been
/// taken in them that the store does not know of, and a step must not be taken twice. Peers are written to in
/// new sessions; see [`Peer::needs_keys`](crate::Peer::needs_keys). Every endpoint on the store continues
/// above all its earlier incarnations.
///
/// `generation` must be above 0 and above every earlier one, so it cannot come from this store: a vault's
/// keyring knows it.
///
/// # Errors
/// When the store fails.
///
/// # Cost
/// One commit now; afterwards one more look-up for each message.
pub async fn begin_generation<S: Store>(store: &S, generation: u32) -> Result<(), StoreError> {
    let mut batch = Batch::new(SYSTEM_PARTITION);
    batch.put(only(GENERATION), generation.to_be_bytes().to_vec());
    match store.commit(batch).await? {
        Commit::Committed(_) => Ok(()),
        // It expects nothing.
        _ => Err(DAMAGED),
    }
}

/// Begins a new generation of the store if that says that it was put back from a backup, and then takes it
/// for the present one: to be called before endpoints are opened on it. Says whether it was.
///
/// # Errors
/// When the store fails; then it still says that it was put back.
///
/// # Cost
/// Nothing unless it was put back.
pub async fn begin_generation_if_restored<S: Store>(store: &S) -> Result<bool, StoreError> {
    let Some(generation) = store.restored().await else { return Ok(false) };
    tracing::warn!(
        generation = generation.number(),
        "the store was put back from a backup: nothing is sealed in its sessions any more"
    );
    begin_generation(store, u32::try_from(generation.number()).unwrap_or(u32::MAX)).await?;
    store.accept_restored().await?;
    Ok(true)
}

const DAMAGED: StoreError = StoreError::Damaged { what: "store's generation" };

/// The generation that is written down under `name`, 0 if none is: that of the store in [`SYSTEM_PARTITION`],
/// or that in which a session in use began.
pub(crate) async fn of<S: Store>(
    store: &S,
    partition: Partition,
    name: Bytes,
    now: Timestamp,
) -> Result<u32, StoreError> {
    let Some(record) = store.get(partition, &Key::undated(GENERATION, name), now).await? else {
        return Ok(0);
    };
    record.value[..].try_into().map(u32::from_be_bytes).map_err(|_| DAMAGED)
}

/// Puts into `batch` that the session in use began in `generation`.
pub(crate) fn put(generation: u32, name: Bytes, batch: &mut Batch) {
    batch.put(Key::undated(GENERATION, name), generation.to_be_bytes().to_vec());
}
