use crate::error::StoredError;
use crate::secret::Secret;

/// Stored bytes being read; every refusal names the field.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn take(&mut self, field: &'static str, length: usize) -> Result<&'a [u8], StoredError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(StoredError::Truncated { field })?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn chunk<const N: usize>(&mut self, field: &'static str) -> Result<&'a [u8; N], StoredError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(StoredError::Truncated { field })?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], StoredError> {
        self.chunk(field).copied()
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, StoredError> {
        self.array(field).map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, StoredError> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, StoredError> {
        self.array(field).map(u32::from_be_bytes)
    }

    pub(super) fn secret(&mut self, field: &'static str) -> Result<Secret<32>, StoredError> {
        self.array(field).map(Secret::new)
    }

    pub(super) fn end(&self) -> Result<(), StoredError> {
        match self.rest.len() {
            0 => Ok(()),
            surplus => Err(StoredError::Trailing { surplus }),
        }
    }
}
