//! Deduplication: what was queued is remembered, so that it is queued once and its message counted once.

use bulla_base::{Category, DeviceId};
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Key, StoreError};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::store_layout::DUPLICATES;

/// The form of the record.
const FORM: u8 = 2;

/// What was queued of one message: to which devices, and for which time. All of it is one message, and is
/// counted once.
///
/// ```text
/// 2 ‖ digest of the message's outside (8 bytes) ‖ (device ‖ attempt ‖ digest of the envelope (16 bytes))*
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeduplicationRecord {
    /// Of what is the same in all its envelopes: between whom it is, and what it is counted as.
    message: [u8; 8],
    queued: Vec<QueuedEnvelope>,
}

/// An envelope that was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct QueuedEnvelope {
    device: DeviceId,
    attempt: u8,
    digest: [u8; 16],
}

/// How an envelope stands to what was queued of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is a device's, or a time, that was not queued yet.
    Never,
    /// It was queued before.
    Before,
    /// Its id, or its place in the message, is that of another.
    Another,
}

impl QueuedEnvelope {
    const BYTES: usize = 18;

    fn read([device, attempt, digest @ ..]: &[u8; Self::BYTES]) -> Option<Self> {
        Some(Self { device: DeviceId::new(*device).ok()?, attempt: *attempt, digest: *digest })
    }
}

impl DeduplicationRecord {
    const HEAD_BYTES: usize = 9;

    /// That of `envelope` alone, whose bytes are `wire`.
    pub(crate) fn of(envelope: &Envelope, wire: &[u8]) -> Self {
        let whole: [u8; 32] = Sha256::digest(wire).into();
        let mut outside = Sha256::new();
        for party in [envelope.from().to_bytes(), envelope.to().party().to_bytes()] {
            outside.update([u8::try_from(party.len()).unwrap_or(u8::MAX)]);
            outside.update(party);
        }
        outside.update(match envelope.kind() {
            Kind::Message(category) => [1, Category::code(category)],
            _ => [0, 0],
        });
        let outside: [u8; 32] = outside.finalize().into();
        let (device, attempt) = (envelope.to().device(), envelope.attempt());
        let queued = QueuedEnvelope { device, attempt, digest: whole.as_chunks::<16>().0[0] };
        Self { message: outside.as_chunks::<8>().0[0], queued: vec![queued] }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let (head, rows) = bytes.split_first_chunk::<{ Self::HEAD_BYTES }>()?;
            let [FORM, message @ ..] = head else { return None };
            let (rows, []) = rows.as_chunks::<{ QueuedEnvelope::BYTES }>() else { return None };
            let queued: Option<Vec<_>> = rows.iter().map(QueuedEnvelope::read).collect();
            Some(Self { message: *message, queued: queued.filter(|queued| !queued.is_empty())? })
        };
        read().ok_or(StoreError::Damaged { what: "guard against duplicates" })
    }

    /// How what `ours` is of stands to what was queued.
    pub(crate) fn sees(&self, ours: &Self) -> Seen {
        if self.message != ours.message {
            return Seen::Another;
        }
        let mut outcome = Seen::Before;
        for ours in &ours.queued {
            let mut of_device = self.queued.iter().filter(|queued| queued.device == ours.device).peekable();
            // What was sealed anew is not followed by what it was sealed in place of.
            let is_late = ours.attempt == 0 && of_device.peek().is_some();
            match of_device.find(|queued| queued.attempt == ours.attempt) {
                Some(queued) if queued == ours => {}
                None if !is_late => outcome = Seen::Never,
                _ => return Seen::Another,
            }
        }
        outcome
    }

    /// Adds what `ours` is of, which was not queued before.
    pub(crate) fn add(&mut self, ours: Self) {
        self.queued.extend(ours.queued);
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::HEAD_BYTES + self.queued.len() * QueuedEnvelope::BYTES);
        bytes.push(FORM);
        bytes.extend_from_slice(&self.message);
        for QueuedEnvelope { device, attempt, digest } in &self.queued {
            bytes.extend_from_slice(&[device.number(), *attempt]);
            bytes.extend_from_slice(digest);
        }
        bytes
    }
}

/// Under which it is remembered what was queued of the message of `envelope`.
pub(crate) fn key(envelope: &Envelope) -> Key {
    Key::dated(DUPLICATES, envelope.id().day(), Bytes::copy_from_slice(envelope.id().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(device: u8, attempt: u8, digest: u8) -> DeduplicationRecord {
        let queued = QueuedEnvelope { device: DeviceId::new(device).unwrap(), attempt, digest: [digest; 16] };
        DeduplicationRecord { message: [9; 8], queued: vec![queued] }
    }

    #[test]
    fn guard_comes_back_from_its_bytes_and_nothing_else_is_read() {
        let mut seen = queued(1, 0, 7);
        seen.add(queued(10, 5, 8));
        let bytes = seen.to_bytes();
        assert_eq!(DeduplicationRecord::read(&bytes).unwrap(), seen);
        let longer = [&bytes[..], &[0]].concat();
        let other = [&[1][..], &bytes[1..]].concat();
        let mut eleventh = bytes.clone();
        eleventh[9] = 11;
        for bad in [&bytes[..bytes.len() - 1], &bytes[..9], &longer, &other, &eleventh, &[], &[7; 16]] {
            assert!(matches!(DeduplicationRecord::read(bad), Err(StoreError::Damaged { .. })), "{bad:?}");
        }
    }

    #[test]
    fn each_device_and_each_time_is_one_envelope() {
        let mut seen = queued(1, 0, 7);
        seen.add(queued(2, 0, 8));
        assert_eq!(seen.sees(&queued(2, 0, 8)), Seen::Before);
        assert_eq!(seen.sees(&queued(2, 0, 9)), Seen::Another);
        assert_eq!(seen.sees(&queued(2, 1, 9)), Seen::Never);
        assert_eq!(seen.sees(&queued(3, 0, 9)), Seen::Never);
        seen.add(queued(3, 1, 9));
        assert_eq!(seen.sees(&queued(3, 0, 8)), Seen::Another, "it was sealed anew since");
        let of_another = DeduplicationRecord { message: [1; 8], ..queued(3, 0, 9) };
        assert_eq!(seen.sees(&of_another), Seen::Another);
    }
}
