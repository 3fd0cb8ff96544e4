use bulla_base::{DeviceId, DeviceSet, MAX_DEVICES, MessageId};
use bulla_envelope::{Envelope, InvalidEnvelope, Kind, MAX_SEALED_BYTES};
use bulla_store::{MAX_VALUE_BYTES, StoreError};
use bytes::{BufMut, Bytes, BytesMut};

use crate::limits::OUTSIDE_BYTES;

/// The form of the row.
const FORM: u8 = 1;

const _: () = assert!(
    (MAX_DEVICES as usize) * (MAX_SEALED_BYTES + OUTSIDE_BYTES) < MAX_VALUE_BYTES,
    "a message to every device could not be stored"
);

/// What leaves together: a message, with an envelope for each device of its user; or one receipt or request.
///
/// ```text
/// 1 ‖ (length (u32, big-endian) ‖ envelope)*
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutboxEntry(Vec<Envelope>);

impl OutboxEntry {
    pub(crate) fn of(envelope: Envelope) -> Self {
        Self(vec![envelope])
    }

    /// One message for each of some devices; nothing if there is none.
    pub(crate) fn of_all(envelopes: Vec<Envelope>) -> Option<Self> {
        Some(Self(envelopes)).filter(|entry| !entry.0.is_empty())
    }

    /// The ciphertexts are shared with `bytes`, not copied.
    pub(crate) fn read(mut bytes: Bytes) -> Result<Self, StoreError> {
        const DAMAGED: StoreError = StoreError::Damaged { what: "envelope" };
        if bytes.first() != Some(&FORM) {
            return Err(DAMAGED);
        }
        let (mut envelopes, mut rest) = (Vec::new(), bytes.split_off(1));
        while !rest.is_empty() {
            let (length, _) = rest.split_first_chunk().ok_or(DAMAGED)?;
            let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| DAMAGED)?;
            let mut envelope = rest.split_off(4);
            if envelope.len() < length || envelopes.len() == usize::from(MAX_DEVICES) {
                return Err(DAMAGED);
            }
            rest = envelope.split_off(length);
            envelopes.push(Envelope::from_bytes(envelope).map_err(|_| DAMAGED)?);
        }
        Self::of_all(envelopes).ok_or(DAMAGED)
    }

    pub(crate) fn envelopes(&self) -> &[Envelope] {
        &self.0
    }

    /// Which message it is.
    pub(crate) fn id(&self) -> Option<MessageId> {
        self.0.first().map(Envelope::id)
    }

    pub(crate) fn is_message(&self) -> bool {
        self.0.first().is_some_and(|envelope| matches!(envelope.kind(), Kind::Message(_)))
    }

    /// All devices that its user was known to have when it was sealed. Some of them may have no envelope in
    /// it. Nothing if it is for one device alone.
    pub(crate) fn known(&self) -> Option<DeviceSet> {
        self.0.first().and_then(Envelope::devices)
    }

    /// The same entry without the envelope for `device`; nothing if no other is left.
    pub(crate) fn without(&self, device: DeviceId) -> Option<Self> {
        Self::of_all(self.0.iter().filter(|envelope| envelope.to().device() != device).cloned().collect())
    }

    /// The same entry with `envelope` in place of the one for its device.
    pub(crate) fn with(&self, envelope: Envelope) -> Self {
        let mut envelopes = self.0.clone();
        envelopes.retain(|other| other.to().device() != envelope.to().device());
        envelopes.push(envelope);
        envelopes.sort_by_key(|envelope| envelope.to().device());
        Self(envelopes)
    }

    /// The same entry, of a user who is known to have these devices.
    pub(crate) fn among(self, devices: DeviceSet) -> Result<Self, InvalidEnvelope> {
        let among = self.0.into_iter().map(|envelope| envelope.among(devices));
        among.collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        let envelopes: Vec<Bytes> = self.0.iter().map(Envelope::to_bytes).collect();
        let length: usize = envelopes.iter().map(|envelope| 4 + envelope.len()).sum();
        let mut bytes = BytesMut::with_capacity(1 + length);
        bytes.put_u8(FORM);
        for envelope in envelopes {
            // No envelope is longer than the assertion above says.
            bytes.put_u32(u32::try_from(envelope.len()).unwrap_or(u32::MAX));
            bytes.put_slice(&envelope);
        }
        bytes.freeze()
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{Address, Category, Number, Party, PhoneNumberId, SeededRng, Timestamp};
    use bulla_envelope::{Form, FrankingTag, InstallationId};

    use super::*;

    fn device(number: u8) -> DeviceId {
        DeviceId::new(number).unwrap()
    }

    fn entry(devices: u8, sealed: usize) -> OutboxEntry {
        let id = MessageId::new(Timestamp::from_millis(5), &SeededRng::new(1));
        let user = Party::User(Number::parse("123456789012345").unwrap());
        let known: DeviceSet = (1..=devices).map(device).collect();
        let envelope = |number| {
            let (from, to) =
                (Address::business(PhoneNumberId::new(u64::MAX)), Address::new(user.clone(), device(number)));
            let (kind, franking) = (Kind::Message(Category::Service), FrankingTag::from_bytes([9; 32]));
            let envelope =
                Envelope::new(id, from, to, kind, franking, Form::PreKey, vec![7; sealed]).unwrap();
            envelope.sealed_for(InstallationId::from_bytes([3; 16])).among(known).unwrap()
        };
        OutboxEntry::of_all((1..=devices).map(envelope).collect()).unwrap()
    }

    #[test]
    fn the_largest_entry_comes_back_and_fits_into_a_row() {
        let largest = entry(MAX_DEVICES, MAX_SEALED_BYTES);
        let bytes = largest.to_bytes();
        assert!(bytes.len() <= MAX_VALUE_BYTES, "{}", bytes.len());
        assert_eq!(OutboxEntry::read(bytes).unwrap(), largest);
    }

    #[test]
    fn entries_of_another_form_and_cut_ones_are_damaged_and_none_panics() {
        let bytes = entry(2, 40).to_bytes();
        let other_form = [&[2][..], &bytes[1..]].concat();
        let too_long = [&[1][..], &u32::MAX.to_be_bytes(), &bytes[5..]].concat();
        let eleven = [&[1][..], &entry(1, 1).to_bytes()[1..].repeat(11)].concat();
        for bad in [&[][..], &[1], &[1, 0, 0], &other_form, &too_long, &eleven, &bytes[..bytes.len() - 1]] {
            let read = OutboxEntry::read(Bytes::copy_from_slice(bad));
            assert!(matches!(read, Err(StoreError::Damaged { .. })), "{bad:?}");
        }
    }

    #[test]
    fn an_envelope_takes_the_place_of_that_for_its_device_and_the_last_one_leaves_nothing() {
        let (two, three) = (entry(2, 40), entry(3, 41));
        let with = two.with(three.envelopes()[2].clone()).with(three.envelopes()[0].clone());
        let of = |entry: &OutboxEntry| -> Vec<(u8, usize)> {
            entry.envelopes().iter().map(|it| (it.to().device().number(), it.sealed().len())).collect()
        };
        assert_eq!(of(&with), [(1, 41), (2, 40), (3, 41)]);
        let without = with.without(device(1)).unwrap().without(device(3)).unwrap();
        assert_eq!((of(&without), without.without(device(2))), (vec![(2, 40)], None));
    }
}
