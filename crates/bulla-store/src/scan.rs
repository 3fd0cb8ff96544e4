use std::ops::RangeInclusive;

use bulla_base::Day;
use bytes::Bytes;

use crate::{Key, MAX_SCAN_ROWS, Record, Space, StoreError};

/// Which records of a partition to read: in the order of their keys, or [back](Self::before) from one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    space: Space,
    first_day: Day,
    last_day: Day,
    prefix: Bytes,
    after: Option<Key>,
    before: Option<Key>,
    limit: usize,
}

/// Whether a page that begins with `first` is behind the one that ended with `after`, as it was asked for.
///
/// # Errors
/// When it is not: whoever goes on from page to page would do so for ever.
pub(crate) fn goes_on<T: Ord>(after: Option<&T>, first: &T) -> Result<(), StoreError> {
    match after {
        Some(after) if first <= after => Err(StoreError::Damaged { what: "order of names" }),
        _ => Ok(()),
    }
}

impl Scan {
    /// All undated records of `space`.
    #[must_use]
    pub const fn undated(space: Space) -> Self {
        Self::days(space, Key::UNDATED, Key::UNDATED)
    }

    /// All records of `space` that belong to the days in `days`.
    #[must_use]
    pub fn dated(space: Space, days: RangeInclusive<Day>) -> Self {
        Self::days(space, *days.start(), *days.end())
    }

    /// All records of `space`, dated or not.
    #[must_use]
    pub const fn everything(space: Space) -> Self {
        Self::days(space, Key::UNDATED, Day::from_number(u32::MAX))
    }

    const fn days(space: Space, first_day: Day, last_day: Day) -> Self {
        Self {
            space,
            first_day,
            last_day,
            prefix: Bytes::new(),
            after: None,
            before: None,
            limit: MAX_SCAN_ROWS,
        }
    }

    /// Only those whose name begins with `prefix`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Bytes>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Only those after `key`, which itself is left out.
    #[must_use]
    pub fn after(mut self, key: Key) -> Self {
        self.after = Some(key);
        self
    }

    /// Only those before `key`, which itself is left out, and the nearest to it first: the last key comes
    /// first, and the limit leaves out what is at the beginning.
    #[must_use]
    pub fn before(mut self, key: Key) -> Self {
        self.before = Some(key);
        self
    }

    /// At most `limit` records, and never more than [`MAX_SCAN_ROWS`].
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.min(MAX_SCAN_ROWS);
        self
    }

    /// The space scanned; for engines.
    #[must_use]
    pub const fn space(&self) -> Space {
        self.space
    }

    /// The first and the last day scanned; for engines.
    #[must_use]
    pub const fn day_range(&self) -> RangeInclusive<Day> {
        self.first_day..=self.last_day
    }

    /// What the names begin with; for engines.
    #[must_use]
    pub const fn name_prefix(&self) -> &Bytes {
        &self.prefix
    }

    /// The key to begin behind; for engines.
    #[must_use]
    pub const fn begin_after(&self) -> Option<&Key> {
        self.after.as_ref()
    }

    /// The key to go back from, in which case the order is the other one; for engines.
    #[must_use]
    pub const fn end_before(&self) -> Option<&Key> {
        self.before.as_ref()
    }

    /// How many records at most; for engines.
    #[must_use]
    pub const fn row_limit(&self) -> usize {
        self.limit
    }

    /// Whether `key` is one of those asked for, the limit aside; for engines.
    #[must_use]
    pub fn covers(&self, key: &Key) -> bool {
        key.space() == self.space
            && self.day_range().contains(&key.day())
            && key.name().starts_with(&self.prefix)
            && self.after.as_ref().is_none_or(|after| key > after)
            && self.before.as_ref().is_none_or(|before| key < before)
    }

    /// Of all records that this [covers](Self::covers) those that it returns; for engines that have them in
    /// memory, in the order of their keys.
    ///
    /// # Cost
    /// A scan back looks at all that it covers.
    #[must_use]
    pub fn pick<'a>(&self, covered: impl Iterator<Item = (&'a Key, &'a Record)>) -> Vec<(Key, Record)> {
        let copy = |(key, record): (&Key, &Record)| (key.clone(), record.clone());
        if self.before.is_none() {
            return covered.take(self.limit).map(copy).collect();
        }
        let all: Vec<_> = covered.collect();
        all.into_iter().rev().take(self.limit).map(copy).collect()
    }
}
