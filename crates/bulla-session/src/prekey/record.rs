//! The stored form the three kinds of prekey share.

use zeroize::Zeroizing;

use crate::error::RecordError;
use crate::protobuf::{Fields, put_bytes, put_fixed64, put_uint32};

/// {1: uint32 id, 2: public key, 3: private key, 4: signature, 5: fixed64 milliseconds}; a proto3 message, so
/// what is zero or empty is left out.
pub(super) struct Record<'a> {
    pub(super) id: u32,
    pub(super) public: &'a [u8],
    pub(super) private: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) created: u64,
}

impl<'a> Record<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, RecordError> {
        let mut record = Self { id: 0, public: &[], private: &[], signature: &[], created: 0 };
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => record.id = field.uint32()?,
                2 => record.public = field.bytes()?,
                3 => record.private = field.bytes()?,
                4 => record.signature = field.bytes()?,
                5 => record.created = field.fixed64()?,
                _ => {}
            }
        }
        if record.public.is_empty() {
            return Err(RecordError::Missing { field: "public key" });
        }
        if record.private.is_empty() {
            return Err(RecordError::Missing { field: "private key" });
        }
        Ok(record)
    }

    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Tags, lengths, id and timestamp take fewer than 32 bytes, so that the buffer never moves.
        let capacity = 32 + self.public.len() + self.private.len() + self.signature.len();
        let mut out = Zeroizing::new(Vec::with_capacity(capacity));
        if self.id != 0 {
            put_uint32(&mut out, 1, self.id);
        }
        for (field, bytes) in [(2, self.public), (3, self.private), (4, self.signature)] {
            if !bytes.is_empty() {
                put_bytes(&mut out, field, bytes);
            }
        }
        if self.created != 0 {
            put_fixed64(&mut out, 5, self.created);
        }
        out
    }
}
