use bytes::Bytes;

use crate::limits::REMOVED_TOGETHER;
use crate::scan::goes_on;
use crate::{Batch, SYSTEM_PARTITION, Space, Store, StoreError};

/// A number that is only ever added to, until it is removed as a whole. One to which nothing was added is not
/// there.
///
/// Counters belong to no partition: adds from different partitions to one counter commute and never conflict.
/// A distributed engine keeps one row of it on each shard and reads their sum.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter {
    space: Space,
    name: Bytes,
}

impl Counter {
    /// The counter `name` of `space`.
    pub fn new(space: Space, name: impl Into<Bytes>) -> Self {
        Self { space, name: name.into() }
    }

    /// Which kind of counter.
    #[must_use]
    pub const fn space(&self) -> Space {
        self.space
    }

    /// The counter's own name.
    #[must_use]
    pub const fn name(&self) -> &Bytes {
        &self.name
    }

    /// Whether it is one of those that [`Store::counters`](crate::Store::counters) is asked for with these,
    /// the limit aside; for engines.
    #[must_use]
    pub fn is_within(&self, space: Space, prefix: &[u8], after: Option<&[u8]>) -> bool {
        let name = &self.name[..];
        self.space == space && name.starts_with(prefix) && after.is_none_or(|after| name > after)
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
    counters(store, space, prefix, (None, None)).await
}

/// Every counter of `space` whose name begins with `prefix` and is behind `after` and before `before`.
///
/// # Errors
/// When the store fails or a counter is damaged.
///
/// # Cost
/// Reads of what it returns, and at most a page more.
pub async fn counters_between<S: Store>(
    store: &S,
    space: Space,
    prefix: &[u8],
    (after, before): (&[u8], &[u8]),
) -> Result<Vec<(Counter, u64)>, StoreError> {
    counters(store, space, prefix, (Some(Bytes::copy_from_slice(after)), Some(before))).await
}

async fn counters<S: Store>(
    store: &S,
    space: Space,
    prefix: &[u8],
    (mut after, before): (Option<Bytes>, Option<&[u8]>),
) -> Result<Vec<(Counter, u64)>, StoreError> {
    let mut counts = Vec::new();
    loop {
        let mut page = store.counters(space, prefix, after.as_deref()).await?;
        // Only an empty page is the last: the port promises how many there are at most, and not how many at
        // least.
        let (Some((first, _)), Some((last, _))) = (page.first(), page.last()) else { return Ok(counts) };
        goes_on(after.as_ref(), first.name())?;
        after = Some(last.name().clone());
        let wanted =
            page.partition_point(|(counter, _)| before.is_none_or(|before| counter.name()[..] < *before));
        let is_over = wanted < page.len();
        page.truncate(wanted);
        counts.extend(page);
        if is_over {
            return Ok(counts);
        }
    }
}

/// Removes every counter of `space` whose name begins with `prefix`, and with `before` only those before it.
/// Says how many.
///
/// What is added to one of them meanwhile may be removed with it, or stay: it is for sums that are closed.
/// Cut short, it has removed some; calling again removes the rest.
///
/// # Errors
/// When the store fails or a counter is damaged.
///
/// # Cost
/// Reads of what it removes and a page more, and a commit for each page.
pub async fn remove_counters<S: Store>(
    store: &S,
    space: Space,
    prefix: &[u8],
    before: Option<&[u8]>,
) -> Result<usize, StoreError> {
    let mut removed = 0;
    loop {
        let mut page = store.counters(space, prefix, None).await?;
        page.retain(|(counter, _)| before.is_none_or(|before| counter.name()[..] < *before));
        page.truncate(REMOVED_TOGETHER);
        if page.is_empty() {
            return Ok(removed);
        }
        removed += page.len();
        let mut batch = Batch::new(SYSTEM_PARTITION);
        page.into_iter().for_each(|(counter, _)| batch.remove_counter(counter));
        // It expects nothing.
        let _ = store.commit(batch).await?;
    }
}

/// Removes what is over of counters whose names begin with whose they are, in `owner_bytes`, and then with
/// when they were: of each owner those before `when`. Says how many.
///
/// # Errors
/// As [`remove_counters`].
///
/// # Cost
/// As [`remove_counters`] for each owner.
pub async fn remove_counters_of_all<S: Store>(
    store: &S,
    space: Space,
    owner_bytes: usize,
    when: &[u8],
) -> Result<usize, StoreError> {
    let (mut removed, mut after) = (0, None::<Vec<u8>>);
    loop {
        let page = store.counters(space, b"", after.as_deref()).await?;
        let Some((first, _)) = page.first() else { return Ok(removed) };
        let owner = first.name().get(..owner_bytes).ok_or(StoreError::Damaged { what: "counter" })?;
        removed += remove_counters(store, space, owner, Some(&[owner, when].concat())).await?;
        let Some(next) = next_owner(owner) else { return Ok(removed) };
        after = Some(next);
    }
}

/// The name that all of later owners are behind.
fn next_owner(owner: &[u8]) -> Option<Vec<u8>> {
    let mut next = owner.to_vec();
    for byte in next.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte > 0 {
            return Some(next);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    const SUMS: Space = Space::new(9);

    async fn with(names: &[Vec<u8>]) -> MemoryStore {
        let store = MemoryStore::new();
        for names in names.chunks(REMOVED_TOGETHER) {
            let mut batch = Batch::new(SYSTEM_PARTITION);
            names.iter().for_each(|name| batch.add(Counter::new(SUMS, name.clone()), 1));
            assert!(matches!(store.commit(batch).await, Ok(crate::Commit::Committed(_))));
        }
        store
    }

    async fn left(store: &MemoryStore) -> Vec<Vec<u8>> {
        let all = every_counter(store, SUMS, b"").await.unwrap();
        all.into_iter().map(|(counter, _)| counter.name().to_vec()).collect()
    }

    #[tokio::test]
    async fn of_each_owner_goes_what_is_over() {
        let name = |owner: u8, when: u8| vec![0, owner, when, 7];
        let names: Vec<_> =
            [1, 2, 255].into_iter().flat_map(|owner| (0..4).map(move |at| (owner, at))).collect();
        let store = with(&names.iter().map(|(owner, at)| name(*owner, *at)).collect::<Vec<_>>()).await;
        assert_eq!(remove_counters_of_all(&store, SUMS, 2, &[3]).await.unwrap(), 9);
        assert_eq!(left(&store).await, [name(1, 3), name(2, 3), name(255, 3)]);
        assert_eq!(remove_counters_of_all(&store, SUMS, 2, &[3]).await.unwrap(), 0);
        let last = with(&[vec![255, 255, 0]]).await;
        assert_eq!(
            remove_counters_of_all(&last, SUMS, 2, &[3]).await.unwrap(),
            1,
            "nobody is behind the last"
        );
    }

    #[tokio::test]
    async fn more_than_a_batch_takes_go_one_after_the_other() {
        let names: Vec<_> = (0..=u16::try_from(REMOVED_TOGETHER).unwrap())
            .map(|number| [b"a".as_slice(), &number.to_be_bytes()].concat())
            .collect();
        let store = with(&names).await;
        assert_eq!(remove_counters(&store, SUMS, b"b", None).await.unwrap(), 0);
        assert_eq!(remove_counters(&store, SUMS, b"a", None).await.unwrap(), names.len());
        assert!(left(&store).await.is_empty());
    }
}
