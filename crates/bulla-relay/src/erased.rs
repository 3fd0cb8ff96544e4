use bulla_base::Timestamp;

/// The receipt for an erasure: that at this moment the store was read once more, and held nothing about the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    at: Timestamp,
    records: usize,
}

impl Erased {
    pub(crate) const fn new(at: Timestamp, records: usize) -> Self {
        Self { at, records }
    }

    /// When nothing was found any more.
    #[must_use]
    pub const fn at(self) -> Timestamp {
        self.at
    }

    /// How many records this call removed. 0 when there were none, or when a call before this one got to them.
    #[must_use]
    pub const fn records(self) -> usize {
        self.records
    }
}
