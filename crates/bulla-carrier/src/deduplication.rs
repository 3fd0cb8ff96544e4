//! Deduplication: what was queued is remembered, so that it is queued once and its message counted once.

use bulla_base::{Category, DeviceId};
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Key, StoreError};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::restored_store::StoreGeneration;
use crate::store_layout::DUPLICATES;

/// The form of the record, in a store that was never put back.
const FORM: u8 = 2;

/// The same with generations.
const FORM_WITH_GENERATIONS: u8 = 3;

/// What was queued of one message: to which devices, and for which time. All of it is one message, and is
/// counted once.
///
/// ```text
/// 2 ‖ digest of the message's outside (8 bytes) ‖ (device ‖ attempt ‖ digest of the envelope (16 bytes))*
/// 3 ‖ the same, and behind each digest the generation of the store in which it was queued (u64, big-endian)
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
    /// In which generation of the store it was queued last.
    generation: u64,
}

/// How an envelope stands to what was queued of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is a device's, or a time, that was not queued yet.
    Never,
    /// It was queued before.
    Before,
    /// It was queued before the store was put back from a backup. Who hands it over again has not heard of it
    /// since, and what was said of it may be lost: it is queued once more, and whoever has it says so again.
    BeforeRestore,
    /// Its id, or its place in the message, is that of another.
    Another,
}

impl QueuedEnvelope {
    const BYTES: usize = 18;
    const BYTES_WITH_GENERATION: usize = 26;

    fn read([device, attempt, digest @ ..]: &[u8; Self::BYTES]) -> Option<Self> {
        let device = DeviceId::new(*device).ok()?;
        Some(Self { device, attempt: *attempt, digest: *digest, generation: 0 })
    }

    fn read_with_generation(bytes: &[u8; Self::BYTES_WITH_GENERATION]) -> Option<Self> {
        let (queued, generation) = bytes.split_first_chunk()?;
        let generation = u64::from_be_bytes(generation.try_into().ok()?);
        Some(Self { generation, ..Self::read(queued)? })
    }

    /// Whether it is this envelope, whenever it was queued.
    fn is_same(&self, other: &Self) -> bool {
        (self.device, self.attempt, self.digest) == (other.device, other.attempt, other.digest)
    }
}

impl DeduplicationRecord {
    const HEAD_BYTES: usize = 9;

    /// That of `envelope` alone, whose bytes are `wire`, in this generation of the store.
    pub(crate) fn of(envelope: &Envelope, wire: &[u8], generation: StoreGeneration) -> Self {
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
        let (digest, generation) = (whole.as_chunks::<16>().0[0], generation.number());
        let queued = QueuedEnvelope { device, attempt, digest, generation };
        Self { message: outside.as_chunks::<8>().0[0], queued: vec![queued] }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let ([form, message @ ..], rows) = bytes.split_first_chunk::<{ Self::HEAD_BYTES }>()?;
            let queued: Option<Vec<_>> = match *form {
                FORM => {
                    let (rows, []) = rows.as_chunks::<{ QueuedEnvelope::BYTES }>() else { return None };
                    rows.iter().map(QueuedEnvelope::read).collect()
                }
                FORM_WITH_GENERATIONS => {
                    let (rows, []) = rows.as_chunks::<{ QueuedEnvelope::BYTES_WITH_GENERATION }>() else {
                        return None;
                    };
                    rows.iter().map(QueuedEnvelope::read_with_generation).collect()
                }
                _ => return None,
            };
            let guard = Self { message: *message, queued: queued.filter(|queued| !queued.is_empty())? };
            (guard.form() == *form).then_some(guard)
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
                Some(queued) if queued.is_same(ours) => outcome = Seen::BeforeRestore,
                None if !is_late => outcome = Seen::Never,
                _ => return Seen::Another,
            }
        }
        outcome
    }

    /// Adds what `ours` is of, which was not queued before, or not in this generation of the store.
    pub(crate) fn add(&mut self, ours: Self) {
        self.queued.retain(|queued| !ours.queued.iter().any(|ours| ours.is_same(queued)));
        self.queued.extend(ours.queued);
    }

    fn form(&self) -> u8 {
        match self.queued.iter().all(|queued| queued.generation == 0) {
            true => FORM,
            false => FORM_WITH_GENERATIONS,
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let form = self.form();
        let each = if form == FORM { QueuedEnvelope::BYTES } else { QueuedEnvelope::BYTES_WITH_GENERATION };
        let mut bytes = Vec::with_capacity(Self::HEAD_BYTES + self.queued.len() * each);
        bytes.push(form);
        bytes.extend_from_slice(&self.message);
        for QueuedEnvelope { device, attempt, digest, generation } in &self.queued {
            bytes.extend_from_slice(&[device.number(), *attempt]);
            bytes.extend_from_slice(digest);
            if form == FORM_WITH_GENERATIONS {
                bytes.extend_from_slice(&generation.to_be_bytes());
            }
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
        queued_in(0, device, attempt, digest)
    }

    fn queued_in(generation: u64, device: u8, attempt: u8, digest: u8) -> DeduplicationRecord {
        let device = DeviceId::new(device).unwrap();
        let queued = QueuedEnvelope { device, attempt, digest: [digest; 16], generation };
        DeduplicationRecord { message: [9; 8], queued: vec![queued] }
    }

    #[test]
    fn what_was_queued_before_a_restore_is_queued_once_more_and_not_again() {
        let mut seen = queued(1, 0, 7);
        seen.add(queued(2, 0, 8));
        let again = queued_in(3, 1, 0, 7);
        assert_eq!(seen.sees(&again), Seen::BeforeRestore);
        assert_eq!(seen.sees(&queued_in(3, 1, 0, 9)), Seen::Another);
        seen.add(again.clone());
        assert_eq!((seen.sees(&again), seen.queued.len()), (Seen::Before, 2));
        assert_eq!(seen.sees(&queued_in(3, 2, 0, 8)), Seen::BeforeRestore, "each for itself");
        let bytes = seen.to_bytes();
        assert_eq!((bytes[0], bytes.len()), (3, 9 + 2 * 26));
        assert_eq!(DeduplicationRecord::read(&bytes).unwrap(), seen);
        let without = [&[3][..], &queued(1, 0, 7).to_bytes()[1..], &[0; 8]].concat();
        assert!(DeduplicationRecord::read(&without).is_err(), "there is one way to write it");
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
