//! Just enough of protocol buffers: flat messages of numbers and byte strings.
//!
//! Reading borrows, never allocates, and refuses what it cannot place; unknown fields are the caller's to
//! ignore. Of a field that occurs twice the caller keeps the last, as the format says. Field numbers written
//! here are all below 16, so every tag is one byte.

use crate::error::ProtobufError;

/// The fields of a message, one after the other.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

/// A field's number and what it holds.
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    value: Value<'a>,
}

enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Field<'a>>, ProtobufError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = u32::try_from(self.varint()?).map_err(|_| ProtobufError::FieldNumber)?;
        let number = tag >> 3;
        if number == 0 {
            return Err(ProtobufError::FieldNumber);
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(*self.take_chunk()?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| ProtobufError::Truncated)?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or(ProtobufError::Truncated)?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            5 => {
                // None of our fields is one; but one that is not known may be, and has to be passed over.
                self.take_chunk::<4>()?;
                Value::Fixed32
            }
            // Groups nest, so that to pass over one is to read all that is in it; nobody writes them.
            _ => return Err(ProtobufError::WireType { field: number, wire_type: wire_type(tag) }),
        };
        Ok(Some(Field { number, value }))
    }

    fn take_chunk<const N: usize>(&mut self) -> Result<&'a [u8; N], ProtobufError> {
        let (chunk, rest) = self.rest.split_first_chunk().ok_or(ProtobufError::Truncated)?;
        self.rest = rest;
        Ok(chunk)
    }

    fn varint(&mut self) -> Result<u64, ProtobufError> {
        let mut value = 0u64;
        for position in 0..10u32 {
            let (&byte, rest) = self.rest.split_first().ok_or(ProtobufError::Truncated)?;
            self.rest = rest;
            // The tenth byte has room for one bit only.
            if position == 9 && byte > 1 {
                return Err(ProtobufError::Varint);
            }
            value |= u64::from(byte & 0x7F) << (7 * position);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ProtobufError::Varint)
    }
}

impl<'a> Field<'a> {
    pub(crate) fn uint32(&self) -> Result<u32, ProtobufError> {
        match self.value {
            Value::Varint(value) => {
                u32::try_from(value).map_err(|_| ProtobufError::TooLarge { field: self.number })
            }
            _ => Err(self.unexpected()),
        }
    }

    pub(crate) fn fixed64(&self) -> Result<u64, ProtobufError> {
        match self.value {
            Value::Fixed64(bytes) => Ok(u64::from_le_bytes(bytes)),
            _ => Err(self.unexpected()),
        }
    }

    pub(crate) fn bytes(&self) -> Result<&'a [u8], ProtobufError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.unexpected()),
        }
    }

    fn unexpected(&self) -> ProtobufError {
        let wire_type = match self.value {
            Value::Varint(_) => 0,
            Value::Fixed64(_) => 1,
            Value::Bytes(_) => 2,
            Value::Fixed32 => 5,
        };
        ProtobufError::WireType { field: self.number, wire_type }
    }
}

fn wire_type(tag: u32) -> u8 {
    tag.to_le_bytes()[0] & 7
}

/// Appends a number field, zero or not.
pub(crate) fn put_uint32(out: &mut Vec<u8>, field: u8, value: u32) {
    out.push(field << 3);
    put_varint(out, u64::from(value));
}

/// Appends a fixed-width 64-bit field.
pub(crate) fn put_fixed64(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push((field << 3) | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a byte-string field.
pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    put_bytes_header(out, field, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends what precedes a byte string of `length` bytes; the caller appends the bytes.
pub(crate) fn put_bytes_header(out: &mut Vec<u8>, field: u8, length: usize) {
    out.push((field << 3) | 2);
    put_varint(out, length as u64);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// How long a number field is.
pub(crate) fn uint32_len(value: u32) -> usize {
    1 + varint_len(u64::from(value))
}

/// How long a byte-string field is.
pub(crate) fn bytes_len(length: usize) -> usize {
    1 + varint_len(length as u64) + length
}

fn varint_len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

#[cfg(test)]
mod tests;
