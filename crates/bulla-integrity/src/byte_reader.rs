//! Fields one after the other, big-endian.

use crate::InvalidForm;

pub(crate) struct ByteReader<'a> {
    rest: &'a [u8],
    field: &'static str,
}

impl<'a> ByteReader<'a> {
    /// Reads `bytes`. `field` says in errors what they are.
    pub(crate) const fn new(bytes: &'a [u8], field: &'static str) -> Self {
        Self { rest: bytes, field }
    }

    pub(crate) fn form(&mut self, form: u8) -> Result<(), InvalidForm> {
        match self.u8()? {
            read if read == form => Ok(()),
            _ => Err(InvalidForm::Field { field: self.field, expected: "a form that is known" }),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], InvalidForm> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(self.cut_short())?;
        self.rest = rest;
        Ok(*array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, InvalidForm> {
        self.array().map(u8::from_be_bytes)
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

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], InvalidForm> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(self.cut_short())?;
        self.rest = rest;
        Ok(bytes)
    }

    /// `count` records of `N` bytes: no room is made for more of them than there are bytes.
    pub(crate) fn records<const N: usize>(&mut self, count: usize) -> Result<&'a [[u8; N]], InvalidForm> {
        let (records, _) = self.bytes(count.checked_mul(N).ok_or(self.cut_short())?)?.as_chunks();
        Ok(records)
    }

    /// Nothing may be left.
    pub(crate) const fn end(self) -> Result<(), InvalidForm> {
        match self.rest {
            [] => Ok(()),
            _ => Err(InvalidForm::Field { field: self.field, expected: "no bytes after its end" }),
        }
    }

    const fn cut_short(&self) -> InvalidForm {
        InvalidForm::Field { field: self.field, expected: "more bytes" }
    }
}
