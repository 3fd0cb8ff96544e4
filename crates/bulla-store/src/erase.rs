use bulla_base::Partition;

use crate::{BEFORE_ALL, Batch, Commit, Scan, Space, Store, StoreError};

/// How many records are read and deleted at a time.
const PAGE: usize = 128;

/// Deletes every record of `partition` by the other calls of `store`: it scans and deletes, space by space, a page at a time.
///
/// This is [`Store::erase_partition`] where nobody wrote it otherwise, for those who wrap a store and want to see each step of it.
///
/// # Errors
/// As [`Store::scan`] and [`Store::commit`].
pub async fn erase_by_page<S: Store + ?Sized>(store: &S, partition: Partition) -> Result<usize, StoreError> {
    let mut deleted = 0;
    for space in (0..=u8::MAX).map(Space::new) {
        let everything = Scan::everything(space).limit(PAGE);
        let mut scan = everything.clone();
        loop {
            let page = store.scan(partition, &scan, BEFORE_ALL).await?;
            let Some((last, _)) = page.last() else { break };
            scan = everything.clone().after(last.clone());
            let mut batch = Batch::new(partition);
            let found = page.len();
            page.into_iter().for_each(|(key, _)| batch.delete(key));
            let Commit::Committed(_) = store.commit(batch).await? else {
                // It expects nothing.
                return Err(StoreError::Damaged { what: "record to be erased" });
            };
            deleted += found;
            if found < PAGE {
                break;
            }
        }
    }
    Ok(deleted)
}
