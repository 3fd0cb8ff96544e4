//! Deduplication: what was queued is remembered, so that it is queued once and its message counted once.

use bulla_base::{Address, Category};
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Key, StoreError};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::store_layout::DUPLICATES;

/// The form of the record.
const FORM: u8 = 1;

/// An envelope that was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeduplicationRecord {
    /// Of the whole envelope; zeros if only that its message was sent is known.
    envelope: [u8; 16],
    /// Of what is the same each time its message is sent: between whom, and what it is counted as.
    message: [u8; 8],
}

impl DeduplicationRecord {
    const BYTES: usize = 25;

    pub(crate) fn of(envelope: &Envelope, wire: &[u8]) -> Self {
        let whole: [u8; 32] = Sha256::digest(wire).into();
        let mut outside = Sha256::new();
        for address in [envelope.from(), envelope.to()].map(Address::to_bytes) {
            outside.update([u8::try_from(address.len()).unwrap_or(u8::MAX)]);
            outside.update(address);
        }
        outside.update(match envelope.kind() {
            Kind::Message(category) => [1, Category::code(category)],
            _ => [0, 0],
        });
        let outside: [u8; 32] = outside.finalize().into();
        let (envelope, message) = (whole.as_chunks::<16>().0[0], outside.as_chunks::<8>().0[0]);
        Self { envelope, message }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = StoreError::Damaged { what: "guard against duplicates" };
        match <&[u8; Self::BYTES]>::try_from(bytes) {
            Ok([FORM, digests @ ..]) => {
                let (Some((envelope, _)), Some((_, message))) =
                    (digests.split_first_chunk(), digests.split_last_chunk())
                else {
                    return Err(damaged);
                };
                Ok(Self { envelope: *envelope, message: *message })
            }
            _ => Err(damaged),
        }
    }

    /// What is known of the message if only something that was sent again is.
    pub(crate) const fn of_message_alone(&self) -> Self {
        Self { envelope: [0; 16], message: self.message }
    }

    /// Whether both are of messages between the same two that are counted alike.
    pub(crate) fn is_of_message(&self, other: &Self) -> bool {
        self.message == other.message
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [&[FORM][..], &self.envelope, &self.message].concat()
    }
}

/// Under which `envelope` is remembered.
pub(crate) fn key(envelope: &Envelope) -> Key {
    let mut name = envelope.id().as_bytes().to_vec();
    if envelope.attempt() > 0 {
        name.push(envelope.attempt());
    }
    Key::dated(DUPLICATES, envelope.id().day(), name)
}

/// Under which it is remembered that its message was sent at all.
pub(crate) fn key_of_message(envelope: &Envelope) -> Key {
    Key::dated(DUPLICATES, envelope.id().day(), Bytes::copy_from_slice(envelope.id().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guard_comes_back_from_its_bytes_and_nothing_else_is_read() {
        let seen = DeduplicationRecord { envelope: [7; 16], message: [9; 8] };
        let bytes = seen.to_bytes();
        assert_eq!(DeduplicationRecord::read(&bytes).unwrap(), seen);
        let longer = [&bytes[..], &[0]].concat();
        let other = [&[2][..], &bytes[1..]].concat();
        for bad in [&bytes[..24], &longer, &other, &[], &[7; 16]] {
            assert!(matches!(DeduplicationRecord::read(bad), Err(StoreError::Damaged { .. })), "{bad:?}");
        }
    }
}
