use std::fmt;

use bulla_base::Rng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::wire::{Field, ReadError, Value};

/// The key that an attachment is sealed under. It never prints, is compared in constant time, and is wiped
/// when it is dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct AttachmentKey([u8; 32]);

impl AttachmentKey {
    /// A fresh key.
    #[must_use]
    pub fn new(rng: &dyn Rng) -> Self {
        let mut key = Self([0; 32]);
        rng.fill(&mut key.0);
        key
    }

    /// The key with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for AttachmentKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for AttachmentKey {}

impl fmt::Debug for AttachmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttachmentKey(…)")
    }
}

impl Field for AttachmentKey {
    type Slot = Option<Self>;

    fn take(slot: &mut Option<Self>, value: Value<'_>) -> Result<(), ReadError> {
        *slot = Some(Self(value.bytes()?.try_into().map_err(|_| ReadError::MALFORMED)?));
        Ok(())
    }

    fn settle(slot: Option<Self>) -> Result<Self, ReadError> {
        slot.ok_or(ReadError::MALFORMED)
    }

    fn size(&self, number: u32) -> usize {
        self.0.size(number)
    }

    fn write(&self, number: u32, to: &mut Vec<u8>) {
        self.0.write(number, to);
    }
}
