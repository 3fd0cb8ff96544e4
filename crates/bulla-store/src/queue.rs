//! Queues: appended to in the owner's own batch, numbered without gaps, read from a place on, forgotten from
//! the front.
//!
//! ```text
//!   owner's row:  QueueIndex   first ──────────── last    which places there are, and on which day each stands
//!   dated rows:                [17] [18]  ×  [20] [21]    × was removed out of its turn
//!   in memory:    QueueTail                  [20] [21]    what has just become durable, for whoever reads next
//! ```

mod index;
mod tail;

use bulla_base::{Day, Partition};
use bytes::Bytes;

pub use index::QueueIndex;
pub use tail::{QueueTail, TailRead};

use crate::{Key, Record, Space, StoreError};

/// A queue: where its records stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub(crate) partition: Partition,
    pub(crate) space: Space,
    pub(crate) prefix: Bytes,
}

/// A record of a queue, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queued {
    /// Its place.
    pub place: u64,
    /// Its key.
    pub key: Key,
    /// The record.
    pub record: Record,
}

const DAMAGED: StoreError = StoreError::Damaged { what: "queue" };

impl Queue {
    /// The queue whose records stand in `space` of `partition`, with names that begin with `prefix`.
    pub fn new(partition: Partition, space: Space, prefix: impl Into<Bytes>) -> Self {
        Self { partition, space, prefix: prefix.into() }
    }

    /// The key of the record at `place`, which was appended on `day`.
    #[must_use]
    pub fn key(&self, day: Day, place: u64) -> Key {
        Key::dated(self.space, day, [&self.prefix[..], &place.to_be_bytes()].concat())
    }

    fn place(&self, key: &Key) -> Result<u64, StoreError> {
        let number = key.name().get(self.prefix.len()..).and_then(|bytes| bytes.try_into().ok());
        number.map(u64::from_be_bytes).ok_or(DAMAGED)
    }
}
