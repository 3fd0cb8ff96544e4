use bytes::Bytes;

use crate::Space;

/// A number that is only ever added to.
///
/// Counters belong to no partition: adds from different partitions to one counter commute and never conflict. A distributed engine keeps
/// one row of it on each shard and reads their sum.
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
}
