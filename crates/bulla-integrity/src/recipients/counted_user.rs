use std::fmt;

use bulla_base::Timestamp;

use crate::InvalidForm;
use crate::byte_reader::ByteReader;

/// That a user counts, as it is stored with the message that was sent to them: when, and under which tag.
///
/// ```text
/// 8  milliseconds since 1970     big-endian, so that names of rows are in the order of their times
/// 8  the tag under the key of then
/// 8  the tag under the key before, if the user may be stored under it
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CountedUser {
    at: Timestamp,
    tag: u64,
    tag_before: Option<u64>,
}

impl CountedUser {
    pub(super) const fn new(at: Timestamp, tag: u64, tag_before: Option<u64>) -> Self {
        Self { at, tag, tag_before }
    }

    /// Reads what [`CountedUser::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are not of that form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let mut reader = ByteReader::new(bytes, "counted user");
        let (at, tag) = (Timestamp::from_millis(reader.u64()?), reader.u64()?);
        let tag_before = if bytes.len() > 16 { Some(reader.u64()?) } else { None };
        reader.end()?;
        Ok(Self { at, tag, tag_before })
    }

    /// What is to be stored: 16 bytes, or 24 of who was written to under the key before.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = [self.at.as_millis().to_be_bytes(), self.tag.to_be_bytes()].concat();
        bytes.extend(self.tag_before.into_iter().flat_map(u64::to_be_bytes));
        bytes
    }

    pub(super) const fn at(self) -> Timestamp {
        self.at
    }

    pub(super) const fn tag(self) -> u64 {
        self.tag
    }

    pub(super) const fn tag_before(self) -> Option<u64> {
        self.tag_before
    }
}

impl fmt::Debug for CountedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountedUser").field("at", &self.at).finish_non_exhaustive()
    }
}
