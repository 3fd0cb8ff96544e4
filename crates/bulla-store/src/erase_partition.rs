use bulla_base::Partition;
use bytes::Bytes;

use crate::limits::ERASE_PAGE;
use crate::scan::goes_on;
use crate::{BEFORE_ALL, Batch, Commit, Scan, Space, Store, StoreError};

/// Deletes every record of `partition` by the other calls of `store`: it scans and deletes, space by space, a
/// page at a time.
///
/// This is [`Store::erase_partition`] where nobody wrote it otherwise, for those who wrap a store and want to
/// see each step of it.
///
/// # Errors
/// As [`Store::scan`] and [`Store::commit`].
pub async fn erase_by_page<S: Store + ?Sized>(store: &S, partition: Partition) -> Result<usize, StoreError> {
    let mut deleted = 0;
    // Each that there can be: which of them are in use only those know who keep records.
    for space in (0..=u8::MAX).map(Space::new) {
        let everything = Scan::everything(space).limit(ERASE_PAGE);
        let mut scan = everything.clone();
        loop {
            let page = store.scan(partition, &scan, BEFORE_ALL).await?;
            let (Some((first, _)), Some((last, _))) = (page.first(), page.last()) else { break };
            goes_on(scan.begin_after(), first)?;
            scan = everything.clone().after(last.clone());
            let mut batch = Batch::new(partition);
            let found = page.len();
            page.into_iter().for_each(|(key, _)| batch.delete(key));
            let Commit::Committed(_) = store.commit(batch).await? else {
                // It expects nothing.
                return Err(StoreError::Damaged { what: "record to be erased" });
            };
            deleted += found;
            // Short pages are the last here, which spares one more look at each of 256 spaces.
            if found < ERASE_PAGE {
                break;
            }
        }
    }
    Ok(deleted)
}

/// Deletes every record of `space` of `partition` whose name begins with `prefix`, whatever day it belongs
/// to, whether or not it has expired or can be read. Says how many there were.
///
/// Like [`Store::erase_partition`] it is not atomic: cut short, it has removed some, and calling again
/// removes the rest.
///
/// # Errors
/// As [`Store::keys`] and [`Store::commit`].
pub async fn erase_names<S: Store + ?Sized>(
    store: &S,
    partition: Partition,
    space: Space,
    prefix: Bytes,
) -> Result<usize, StoreError> {
    let mut deleted = 0;
    let everything = Scan::everything(space).prefix(prefix).limit(ERASE_PAGE);
    let mut scan = everything.clone();
    loop {
        // By keys alone: what cannot be opened any more has to go as well.
        let page = store.keys(partition, &scan, BEFORE_ALL).await?;
        let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(deleted) };
        goes_on(scan.begin_after(), first)?;
        scan = everything.clone().after(last.clone());
        let mut batch = Batch::new(partition);
        let found = page.len();
        page.into_iter().for_each(|key| batch.delete(key));
        // It expects nothing.
        let _ = store.commit(batch).await?;
        deleted += found;
        if found < ERASE_PAGE {
            return Ok(deleted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Key, MemoryStore};

    #[test]
    fn all_names_of_a_prefix_go_page_by_page_and_are_counted() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (alice, space) = (Partition::from_bytes([1; 16]), Space::new(7));
            for records in
                [0, 1, ERASE_PAGE - 1, ERASE_PAGE, ERASE_PAGE + 1, 3 * ERASE_PAGE, 3 * ERASE_PAGE + 5]
            {
                let store = MemoryStore::new();
                let mut batch = Batch::new(alice);
                for number in 0..records {
                    batch.put(Key::undated(space, format!("gone {number:03}")), "value");
                }
                batch.put(Key::undated(space, "stays"), "value");
                assert!(matches!(store.commit(batch).await.unwrap(), Commit::Committed(_)));
                let erased = erase_names(&store, alice, space, Bytes::from("gone")).await.unwrap();
                assert_eq!(erased, records);
                let left = store.keys(alice, &Scan::everything(space), BEFORE_ALL).await.unwrap();
                assert_eq!(left, [Key::undated(space, "stays")]);
            }
        });
    }
}
