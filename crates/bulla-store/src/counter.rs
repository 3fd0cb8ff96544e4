use bytes::Bytes;

use crate::scan::goes_on;
use crate::{Space, Store, StoreError};

/// A number that is only ever added to.
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
