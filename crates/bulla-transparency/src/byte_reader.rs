//! Fields of fixed length, one after the other.

use crate::TreeHash;
use crate::error::InvalidForm;

pub(crate) struct ByteReader<'a> {
    rest: &'a [u8],
    field: &'static str,
    expected: usize,
    actual: usize,
}

impl<'a> ByteReader<'a> {
    /// Reads `bytes`, which must be `expected` in number. `field` says so in errors.
    pub(crate) fn of(bytes: &'a [u8], field: &'static str, expected: usize) -> Result<Self, InvalidForm> {
        let reader = Self { rest: bytes, field, expected, actual: bytes.len() };
        if bytes.len() == expected { Ok(reader) } else { Err(reader.wrong_length()) }
    }

    /// Reads the `head` bytes that `bytes` begin with; how many follow is checked by [`Self::hashes`].
    pub(crate) fn head_of(bytes: &'a [u8], field: &'static str, head: usize) -> Result<Self, InvalidForm> {
        let reader = Self { rest: bytes, field, expected: head, actual: bytes.len() };
        if bytes.len() >= head { Ok(reader) } else { Err(reader.wrong_length()) }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], InvalidForm> {
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(|| self.wrong_length())?;
        self.rest = rest;
        Ok(*array)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, InvalidForm> {
        self.array().map(u64::from_be_bytes)
    }

    /// All that is left, which must be `count` hashes.
    pub(crate) fn hashes(mut self, count: usize) -> Result<Vec<TreeHash>, InvalidForm> {
        self.expected = self.actual - self.rest.len() + count * 32;
        let (hashes, odd) = self.rest.as_chunks();
        if hashes.len() != count || !odd.is_empty() {
            return Err(self.wrong_length());
        }
        Ok(hashes.iter().map(|hash| TreeHash::from_bytes(*hash)).collect())
    }

    fn wrong_length(&self) -> InvalidForm {
        InvalidForm::Length { field: self.field, expected: self.expected, actual: self.actual }
    }
}
