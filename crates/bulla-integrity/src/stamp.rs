use std::fmt;

use bulla_base::{Day, Timestamp};
use subtle::ConstantTimeEq;

use crate::InvalidForm;
use crate::byte_reader::ByteReader;

/// What the carrier puts beside a message that it accepts: when that was, and a code that only the carrier
/// can make or check. The carrier itself keeps nothing of it.
///
/// ```text
/// day (u32) ‖ accepted (u64, milliseconds) ‖ HMAC-SHA-256 (32 bytes)          44 bytes, big-endian
/// ```
///
/// The recipient cannot check it. A carrier that hands out stamps that are none defeats its own reports.
#[derive(Clone, PartialEq, Eq)]
pub struct Stamp {
    day: Day,
    accepted: Timestamp,
    code: [u8; 32],
}

impl Stamp {
    /// How many bytes it takes.
    pub const BYTES: usize = 44;

    pub(crate) const fn new(day: Day, accepted: Timestamp, code: [u8; 32]) -> Self {
        Self { day, accepted, code }
    }

    /// Reads what [`Stamp::to_bytes`] wrote. Whether it is genuine, only its maker knows.
    ///
    /// # Errors
    /// When the bytes are not [`Stamp::BYTES`], or the day is not that of the moment.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let mut reader = ByteReader::new(bytes, "stamp");
        let stamp = Self::read(&mut reader)?;
        reader.end()?;
        Ok(stamp)
    }

    pub(crate) fn read(reader: &mut ByteReader<'_>) -> Result<Self, InvalidForm> {
        let (day, accepted) = (Day::from_number(reader.u32()?), Timestamp::from_millis(reader.u64()?));
        let code = reader.array()?;
        match accepted.day() == day {
            true => Ok(Self { day, accepted, code }),
            false => Err(InvalidForm::Field { field: "stamp", expected: "the day of its moment" }),
        }
    }

    /// The day whose key it was made with.
    #[must_use]
    pub const fn day(&self) -> Day {
        self.day
    }

    /// When the message was accepted.
    #[must_use]
    pub const fn accepted(&self) -> Timestamp {
        self.accepted
    }

    /// The stamp as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let parts =
            [&self.day.number().to_be_bytes()[..], &self.accepted.as_millis().to_be_bytes(), &self.code];
        for (byte, of) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *byte = *of;
        }
        bytes
    }

    /// Whether its code is `code`, in constant time.
    pub(crate) fn has_code(&self, code: &[u8; 32]) -> bool {
        self.code.ct_eq(code).into()
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, accepted, code: _ } = self;
        f.debug_struct("Stamp").field("day", day).field("accepted", accepted).finish_non_exhaustive()
    }
}
