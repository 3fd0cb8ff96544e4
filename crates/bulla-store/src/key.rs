use bulla_base::{Day, Partition};
use bytes::Bytes;

/// Which kind of record a key names. Each crate that keeps records has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space(u8);

impl Space {
    /// The space with this number.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// The space's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// The name of a record within its partition.
///
/// ```text
/// partition (16 bytes) ‖ space (u8) ‖ day (u32, 0 = undated) ‖ name        big-endian, so ranges are journeys
/// ```
///
/// Keys are ordered as these bytes are. A dated key dies with its day; an undated one lives until it is
/// deleted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    space: Space,
    day: Day,
    name: Bytes,
}

impl Key {
    /// The day that stands in the key of a record that belongs to no day.
    pub const UNDATED: Day = Day::from_number(0);

    /// A key that lives until it is deleted.
    pub fn undated(space: Space, name: impl Into<Bytes>) -> Self {
        Self::dated(space, Self::UNDATED, name)
    }

    /// A key that leaves the store with `day`.
    pub fn dated(space: Space, day: Day, name: impl Into<Bytes>) -> Self {
        Self { space, day, name: name.into() }
    }

    /// The kind of record.
    #[must_use]
    pub const fn space(&self) -> Space {
        self.space
    }

    /// The day the record belongs to, [`Key::UNDATED`] if none.
    #[must_use]
    pub const fn day(&self) -> Day {
        self.day
    }

    /// The record's own name.
    #[must_use]
    pub const fn name(&self) -> &Bytes {
        &self.name
    }
}

/// The partition of what belongs to no customer.
pub const SYSTEM_PARTITION: Partition = Partition::from_bytes([0; 16]);
