//! The encoded forms: fields one after the other, numbers big-endian, lists and texts behind their length.

use crate::error::{at_most, invalid};
use crate::{Hour, InvalidForm, Period};

pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `what`, which begins with its `mark`.
    pub(crate) fn marked(bytes: &'a [u8], what: &'static str, mark: &[u8]) -> Result<Self, InvalidForm> {
        let rest = bytes.strip_prefix(mark).ok_or(invalid(what, "its mark and version at the beginning"))?;
        Ok(Self { rest, what })
    }

    pub(crate) const fn of(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], InvalidForm> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(InvalidForm::Cut { field: self.what })?;
        self.rest = rest;
        Ok(*array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, InvalidForm> {
        self.array::<1>().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, InvalidForm> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, InvalidForm> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, InvalidForm> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn i128(&mut self) -> Result<i128, InvalidForm> {
        self.array().map(i128::from_be_bytes)
    }

    pub(crate) fn period(&mut self) -> Result<Period, InvalidForm> {
        Period::new(Hour::from_minutes(self.u32()?), Hour::from_minutes(self.u32()?))
    }

    /// The length of a list, whose items take `item_bytes` at least: no more than can follow.
    pub(crate) fn count(
        &mut self,
        field: &'static str,
        limit: usize,
        item_bytes: usize,
    ) -> Result<usize, InvalidForm> {
        let count = self.u32()? as usize;
        at_most(field, limit, count)?;
        if count > self.rest.len() / item_bytes {
            return Err(InvalidForm::Cut { field });
        }
        Ok(count)
    }

    pub(crate) fn text(&mut self, field: &'static str, limit: usize) -> Result<&'a str, InvalidForm> {
        let length = usize::from(self.u16()?);
        at_most(field, limit, length)?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or(InvalidForm::Cut { field })?;
        self.rest = rest;
        str::from_utf8(text).map_err(|_| invalid(field, "UTF-8"))
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) const fn end(self) -> Result<(), InvalidForm> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(InvalidForm::LeftOver { field: self.what, bytes }),
        }
    }
}

/// Writes a list's length. Lists are bounded far below 2³², which is checked where they are made.
pub(crate) fn put_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend(u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
}

/// Writes a text behind its length. Texts are bounded far below 2¹⁶, which is checked where they are made.
pub(crate) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend(text.as_bytes());
}

/// Whether each of `items` stands before the next, none twice.
pub(crate) fn is_ascending<T, K: Ord>(items: &[T], key: impl Fn(&T) -> K) -> bool {
    items.is_sorted_by(|left, right| key(left) < key(right))
}
