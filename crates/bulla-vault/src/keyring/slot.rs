//! One of the two slots of a keyring.

use sha2::{Digest, Sha256};

use crate::byte_reader::ByteReader;
use crate::limits::SLOT_BYTES;

/// What every keyring begins with, and the version of its form.
const MAGIC: [u8; 7] = *b"bullakr";
const VERSION: u8 = b'2';
const CHECKED_BYTES: usize = SLOT_BYTES - 32;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// The larger is the newer.
    pub(super) sequence: u64,
    pub(super) id: [u8; 16],
    pub(super) wrapped: Vec<u8>,
    pub(super) sealed: Vec<u8>,
}

impl Slot {
    /// Reads a slot, if it is whole and of this form.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if Self::version_of(bytes)? != char::from(VERSION) {
            return None;
        }
        let mut reader = ByteReader::new(bytes.get(MAGIC.len() + 1..CHECKED_BYTES)?);
        let sequence = u64::from_be_bytes(reader.array()?);
        let id = reader.array()?;
        let mut part = || {
            let length = u16::from_be_bytes(reader.array()?);
            reader.slice(usize::from(length)).map(<[u8]>::to_vec)
        };
        Some(Self { sequence, id, wrapped: part()?, sealed: part()? })
    }

    /// The slot's bytes, if it is not too full.
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(SLOT_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&self.id);
        for part in [&self.wrapped, &self.sealed] {
            bytes.extend_from_slice(&u16::try_from(part.len()).ok()?.to_be_bytes());
            bytes.extend_from_slice(part);
        }
        if bytes.len() > CHECKED_BYTES {
            return None;
        }
        // Of one length whatever is in it, so that writing a slot leaves nothing of the one before.
        bytes.resize(CHECKED_BYTES, 0);
        let check = Sha256::digest(&bytes);
        bytes.extend_from_slice(&check);
        Some(bytes)
    }

    /// The version of the form of a slot that is whole.
    pub(super) fn version_of(bytes: &[u8]) -> Option<char> {
        let (checked, check) = bytes.split_at_checked(CHECKED_BYTES)?;
        let (version, _) = checked.strip_prefix(&MAGIC)?.split_first()?;
        (Sha256::digest(checked)[..] == *check).then_some(char::from(*version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{MAX_KEY_EPOCHS, MAX_WRAPPED_BYTES};

    #[test]
    fn the_fullest_keyring_has_room() {
        let epochs = 22 + MAX_KEY_EPOCHS * 58;
        let sealed = vec![1; 8 + 1 + 8 + 32 + epochs + crate::committing_aead::OVERHEAD_BYTES];
        let slot = Slot { sequence: u64::MAX, id: [1; 16], wrapped: vec![2; MAX_WRAPPED_BYTES], sealed };
        assert_eq!(Slot::from_bytes(&slot.to_bytes().unwrap()), Some(slot));
    }

    #[test]
    fn a_slot_that_is_not_whole_is_none() {
        let slot = Slot { sequence: 7, id: [1; 16], wrapped: vec![2; 40], sealed: vec![3; 90] };
        let bytes = slot.to_bytes().unwrap();
        for at in (0..bytes.len()).step_by(7) {
            let mut garbled = bytes.clone();
            garbled[at] ^= 1;
            assert_eq!(Slot::from_bytes(&garbled), None, "byte {at}");
        }
        assert_eq!(Slot::from_bytes(&bytes[1..]), None);
        assert_eq!(Slot::from_bytes(&[]), None);
    }
}
