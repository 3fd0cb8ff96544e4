use std::fmt;

use bulla_base::{Address, DeviceSet, MessageId};
use bytes::Bytes;
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};

use crate::limits::{MAX_WIRE_BYTES, OUTSIDE_BYTES};
use crate::{
    Form, FrankingStamp, FrankingTag, InstallationId, InvalidEnvelope, Kind, MAX_RESENDS, MAX_SEALED_BYTES,
};

/// A sealed message with its outside.
///
/// Two are equal when their senders have said the same, whichever stamps they bear.
#[derive(Clone, Eq)]
pub struct Envelope {
    id: MessageId,
    from: Address,
    to: Address,
    kind: Kind,
    franking: FrankingTag,
    form: Form,
    installation: Option<InstallationId>,
    attempt: u8,
    devices: DeviceSet,
    sealed: Bytes,
    stamp: Option<FrankingStamp>,
}

impl Envelope {
    /// Puts `sealed` into an envelope.
    ///
    /// # Errors
    /// When `sealed` is larger than [`MAX_SEALED_BYTES`].
    pub fn new(
        id: MessageId,
        from: Address,
        to: Address,
        kind: Kind,
        franking: FrankingTag,
        form: Form,
        sealed: impl Into<Bytes>,
    ) -> Result<Self, InvalidEnvelope> {
        let sealed = sealed.into();
        InvalidEnvelope::at_most("sealed (bytes)", MAX_SEALED_BYTES, sealed.len())?;
        let (installation, attempt, devices, stamp) = (None, 0, DeviceSet::EMPTY, None);
        Ok(Self { id, from, to, kind, franking, form, installation, attempt, devices, sealed, stamp })
    }

    /// Reads the wire form. The ciphertext is shared with `bytes`, not copied.
    ///
    /// # Errors
    /// When the bytes are too many, malformed, or a field is missing or beyond its limit.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, InvalidEnvelope> {
        InvalidEnvelope::at_most("envelope (bytes)", MAX_WIRE_BYTES, bytes.len())?;
        InvalidEnvelope::unless_flat(&bytes, &[])?;
        let wire = Wire::decode(bytes).map_err(|_| InvalidEnvelope::Malformed)?;
        let field = |field| InvalidEnvelope::Field { field };
        let franking: [u8; 32] = wire.franking[..].try_into().map_err(|_| field("franking tag"))?;
        let installation = match &wire.installation[..] {
            [] => None,
            bytes => {
                Some(bytes.try_into().map(InstallationId::from_bytes).map_err(|_| field("installation"))?)
            }
        };
        let envelope = Self::new(
            MessageId::from_bytes(&wire.id).map_err(InvalidEnvelope::word("id"))?,
            Address::from_bytes(&wire.from).map_err(InvalidEnvelope::word("from"))?,
            Address::from_bytes(&wire.to).map_err(InvalidEnvelope::word("to"))?,
            Kind::from_codes(wire.kind, wire.category).ok_or(field("kind"))?,
            FrankingTag::from_bytes(franking),
            Form::from_code(wire.form).ok_or(field("form"))?,
            wire.sealed,
        )?;
        let attempt = u8::try_from(wire.attempt).map_err(|_| field("attempt"))?;
        let stamp = match &wire.stamp[..] {
            [] => None,
            bytes => {
                Some(bytes.try_into().map(FrankingStamp::from_bytes).map_err(|_| field("franking stamp"))?)
            }
        };
        let envelope = Self { installation, stamp, ..envelope }.sent_again(attempt)?;
        match DeviceSet::from_bits(wire.devices).map_err(InvalidEnvelope::word("devices"))? {
            DeviceSet::EMPTY => Ok(envelope),
            devices => envelope.among(devices),
        }
    }

    /// The same envelope, to be delivered to this installation of the recipient and to no other: who seals
    /// knows whom for.
    #[must_use]
    pub const fn sealed_for(mut self, installation: InstallationId) -> Self {
        self.installation = Some(installation);
        self
    }

    /// The same envelope, which brings its message for another time: number `attempt` after the first. What
    /// is in it says the same, sealed anew, for a recipient who could not open what came before.
    ///
    /// # Errors
    /// When `attempt` is above [`MAX_RESENDS`], or above 0 and the envelope is no message.
    pub fn sent_again(mut self, attempt: u8) -> Result<Self, InvalidEnvelope> {
        InvalidEnvelope::at_most("attempt", usize::from(MAX_RESENDS), usize::from(attempt))?;
        if attempt > 0 && !matches!(self.kind, Kind::Message(_)) {
            return Err(InvalidEnvelope::Field { field: "attempt" });
        }
        self.attempt = attempt;
        Ok(self)
    }

    /// The same envelope, one of those with which its message goes to each of `devices`: these are all that
    /// its sender knows the recipient to have. A carrier that knows of others does not take it.
    ///
    /// # Errors
    /// When the envelope is no message, or is for a device that is not among them.
    pub fn among(mut self, devices: DeviceSet) -> Result<Self, InvalidEnvelope> {
        let is_for_one = devices.contains(self.to.device());
        if !is_for_one || !matches!(self.kind, Kind::Message(_)) {
            return Err(InvalidEnvelope::Field { field: "devices" });
        }
        self.devices = devices;
        Ok(self)
    }

    /// The same envelope, without what its sender has said of the recipient's devices: that is for the
    /// carrier alone. And without a stamp: that is not for a sender to put on it.
    #[must_use]
    pub const fn for_recipient(mut self) -> Self {
        self.devices = DeviceSet::EMPTY;
        self.stamp = None;
        self
    }

    /// The same envelope, with the stamp of the carrier that has accepted it.
    #[must_use]
    pub const fn stamped(mut self, stamp: FrankingStamp) -> Self {
        self.stamp = Some(stamp);
        self
    }

    /// Which message this is.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// Who sealed it.
    #[must_use]
    pub const fn from(&self) -> &Address {
        &self.from
    }

    /// Who can open it.
    #[must_use]
    pub const fn to(&self) -> &Address {
        &self.to
    }

    /// What it is for.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The commitment to what it holds.
    #[must_use]
    pub const fn franking(&self) -> &FrankingTag {
        &self.franking
    }

    /// Which kind of ciphertext it holds.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The installation of the recipient that can open it, if its sender has said.
    #[must_use]
    pub const fn installation(&self) -> Option<InstallationId> {
        self.installation
    }

    /// How often its message was sent before: 0 for what is sent for the first time.
    #[must_use]
    pub const fn attempt(&self) -> u8 {
        self.attempt
    }

    /// All devices that its sender knows the recipient to have, if it has said.
    #[must_use]
    pub fn devices(&self) -> Option<DeviceSet> {
        Some(self.devices).filter(|devices| !devices.is_empty())
    }

    /// The stamp of the carrier that has accepted it: nothing before, nor from one that makes none.
    #[must_use]
    pub const fn stamp(&self) -> Option<&FrankingStamp> {
        self.stamp.as_ref()
    }

    /// The ciphertext.
    #[must_use]
    pub const fn sealed(&self) -> &Bytes {
        &self.sealed
    }

    /// The wire form. The ciphertext is copied once.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let (kind, category) = self.kind.codes();
        // In the order of their numbers, as the derived form writes them, and without its copy of each.
        let stamp = self.stamp.as_ref().map_or(&[][..], |stamp| stamp.as_bytes());
        let mut wire = Vec::with_capacity(self.sealed.len() + OUTSIDE_BYTES + stamp.len());
        write_bytes(1, self.id.as_bytes(), &mut wire);
        write_bytes(2, &self.from.to_bytes(), &mut wire);
        write_bytes(3, &self.to.to_bytes(), &mut wire);
        write_number(4, kind, &mut wire);
        write_number(5, category, &mut wire);
        write_bytes(6, self.franking.as_bytes(), &mut wire);
        write_number(7, self.form.code(), &mut wire);
        write_bytes(8, self.installation.as_ref().map_or(&[], |it| it.as_bytes()), &mut wire);
        write_bytes(9, &self.sealed, &mut wire);
        write_number(10, u32::from(self.attempt), &mut wire);
        write_number(11, self.devices.bits(), &mut wire);
        write_bytes(12, stamp, &mut wire);
        wire.into()
    }
}

/// Writes a field of bytes, unless there are none.
fn write_bytes(field: u32, value: &[u8], wire: &mut Vec<u8>) {
    if !value.is_empty() {
        encode_key(field, WireType::LengthDelimited, wire);
        encode_varint(value.len() as u64, wire);
        wire.extend_from_slice(value);
    }
}

/// Writes a field that is a number, unless it is 0.
fn write_number(field: u32, value: u32, wire: &mut Vec<u8>) {
    if value != 0 {
        encode_key(field, WireType::Varint, wire);
        encode_varint(u64::from(value), wire);
    }
}

impl PartialEq for Envelope {
    fn eq(&self, other: &Self) -> bool {
        // By name, so that a new field stops the build.
        let Self { id, from, to, kind, franking, form, installation, attempt, devices, sealed, stamp: _ } =
            self;
        (id, from, to, kind, franking) == (&other.id, &other.from, &other.to, &other.kind, &other.franking)
            && (form, installation, attempt) == (&other.form, &other.installation, &other.attempt)
            && (devices, sealed) == (&other.devices, &other.sealed)
    }
}

impl fmt::Debug for Envelope {
    /// The ciphertext prints its length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, from, to, kind, form, attempt, devices, sealed, .. } = self;
        let sealed = format_args!("{} bytes", sealed.len());
        (f.debug_struct("Envelope").field("id", id).field("from", from).field("to", to).field("kind", kind))
            .field("form", form)
            .field("attempt", attempt)
            .field("devices", devices)
            .field("sealed", &sealed)
            .finish_non_exhaustive()
    }
}

/// What is read. It is written field by field: a test holds that it comes to the same.
#[derive(Clone, PartialEq, prost::Message)]
struct Wire {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    from: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    to: Bytes,
    #[prost(uint32, tag = "4")]
    kind: u32,
    #[prost(uint32, tag = "5")]
    category: u32,
    #[prost(bytes = "bytes", tag = "6")]
    franking: Bytes,
    #[prost(uint32, tag = "7")]
    form: u32,
    #[prost(bytes = "bytes", tag = "8")]
    installation: Bytes,
    #[prost(bytes = "bytes", tag = "9")]
    sealed: Bytes,
    #[prost(uint32, tag = "10")]
    attempt: u32,
    #[prost(uint32, tag = "11")]
    devices: u32,
    #[prost(bytes = "bytes", tag = "12")]
    stamp: Bytes,
}

#[cfg(test)]
mod tests {
    use bulla_base::{Category, DeviceId, MAX_DEVICES, Number, PhoneNumberId, SeededRng, Timestamp};

    use super::*;

    fn envelope(sealed: Vec<u8>) -> Result<Envelope, InvalidEnvelope> {
        Envelope::new(
            MessageId::new(Timestamp::from_millis(5), &SeededRng::new(1)),
            Address::business(PhoneNumberId::new(u64::MAX)),
            Address::user(Number::parse("123456789012345").unwrap()),
            Kind::Message(Category::Marketing),
            FrankingTag::from_bytes([9; 32]),
            Form::PreKey,
            sealed,
        )
    }

    #[test]
    fn the_largest_envelope_comes_back_and_one_byte_more_is_refused() {
        let largest = envelope(vec![7; MAX_SEALED_BYTES]).unwrap();
        assert_eq!(Envelope::from_bytes(largest.to_bytes()).unwrap(), largest);
        let largest = largest.sealed_for(InstallationId::of_identity(b"identity"));
        assert_eq!(Envelope::from_bytes(largest.to_bytes()).unwrap(), largest);
        let limit = MAX_SEALED_BYTES;
        let refused = InvalidEnvelope::TooLarge { field: "sealed (bytes)", actual: limit + 1, limit };
        assert_eq!(envelope(vec![7; limit + 1]).unwrap_err(), refused);
    }

    #[test]
    fn what_is_written_is_what_the_derived_form_writes() {
        let first = envelope(vec![7; 300]).unwrap();
        let full = first.clone().sealed_for(InstallationId::of_identity(b"identity")).sent_again(3).unwrap();
        let full = full.among(DeviceSet::PRIMARY).unwrap();
        let receipt = Envelope { kind: Kind::Receipt, ..first.clone() };
        let stamped = full.clone().stamped(FrankingStamp::from_bytes([8; 44]));
        let read = Envelope::from_bytes(stamped.to_bytes()).unwrap();
        assert!(read == stamped && read.stamp() == stamped.stamp());
        assert_eq!(stamped.clone().for_recipient().stamp(), None);
        for written in [envelope(vec![]).unwrap(), first, full, receipt, stamped] {
            let bytes = written.to_bytes();
            assert_eq!(Wire::decode(bytes.clone()).unwrap().encode_to_vec(), bytes);
            let stamp = if written.stamp().is_some() { FrankingStamp::BYTES } else { 0 };
            assert!(bytes.len() <= written.sealed().len() + OUTSIDE_BYTES + stamp);
        }
    }

    #[test]
    fn who_it_is_sealed_for_comes_back() {
        let anybody = envelope(vec![7; 40]).unwrap();
        assert_eq!(anybody.installation(), None);
        let installation = InstallationId::of_identity(b"identity");
        let sealed_for = Envelope::from_bytes(anybody.sealed_for(installation).to_bytes()).unwrap();
        assert_eq!(sealed_for.installation(), Some(installation));
    }

    #[test]
    fn a_message_is_sent_again_up_to_the_bound_and_nothing_else_is() {
        let first = envelope(vec![7; 40]).unwrap();
        assert_eq!(first.attempt(), 0);
        let last = first.clone().sent_again(MAX_RESENDS).unwrap();
        assert_eq!(Envelope::from_bytes(last.to_bytes()).unwrap(), last);
        assert!(first.clone().sent_again(MAX_RESENDS + 1).is_err());
        for beyond in [u32::from(MAX_RESENDS) + 1, 256, u32::MAX] {
            let mut wire = Wire::decode(first.to_bytes()).unwrap();
            wire.attempt = beyond;
            assert!(Envelope::from_bytes(wire.encode_to_vec().into()).is_err(), "{beyond}");
        }
        let mut receipt = first;
        receipt.kind = Kind::Receipt;
        assert!(receipt.clone().sent_again(0).is_ok() && receipt.sent_again(1).is_err());
    }

    #[test]
    fn a_message_says_to_which_devices_it_goes_and_is_for_one_of_them() {
        let all: DeviceSet = (1..=MAX_DEVICES).map(|number| DeviceId::new(number).unwrap()).collect();
        let first = envelope(vec![7; 40]).unwrap();
        assert_eq!(first.devices(), None);
        let among = first.clone().among(all).unwrap();
        let read = Envelope::from_bytes(among.to_bytes()).unwrap();
        assert_eq!((read.devices(), &read), (Some(all), &among));
        assert_eq!(among.for_recipient(), first, "the recipient does not see it");
        let others = all.without(DeviceId::PRIMARY);
        assert!(first.clone().among(others).is_err());
        for beyond in [others.bits(), all.bits() + 1, u32::MAX] {
            let mut wire = Wire::decode(first.to_bytes()).unwrap();
            wire.devices = beyond;
            assert!(Envelope::from_bytes(wire.encode_to_vec().into()).is_err(), "{beyond:x}");
        }
        let mut receipt = first;
        receipt.kind = Kind::Receipt;
        assert!(receipt.among(all).is_err());
    }

    #[test]
    fn the_outside_of_the_largest_envelope_has_room_and_no_more() {
        let mut largest = envelope(vec![7; MAX_SEALED_BYTES]).unwrap();
        largest.to = Address::new(largest.to.party().clone(), DeviceId::new(MAX_DEVICES).unwrap());
        let largest = largest.among(DeviceSet::from_bits(0x3ff).unwrap()).unwrap();
        let largest = largest.sealed_for(InstallationId::of_identity(b"identity")).to_bytes();
        assert!(largest.len() <= MAX_SEALED_BYTES + 256, "{}", largest.len());
        // A field that is not known, as long as it may be and one byte longer: the bound of the whole is met
        // first.
        let beyond = |bytes: usize| {
            let unknown = bytes - largest.len() - 4;
            let length = [unknown & 0x7f | 0x80, unknown >> 7].map(|byte| u8::try_from(byte).unwrap());
            Bytes::from([&largest[..], &[0x82, 0x01], &length, &vec![0; unknown]].concat())
        };
        assert!(Envelope::from_bytes(beyond(MAX_SEALED_BYTES + 256)).is_ok());
        let (actual, limit) = (MAX_SEALED_BYTES + 257, MAX_SEALED_BYTES + 256);
        let refused = InvalidEnvelope::TooLarge { field: "envelope (bytes)", actual, limit };
        assert_eq!(Envelope::from_bytes(beyond(actual)).unwrap_err(), refused);
    }

    #[test]
    fn no_prefix_of_an_envelope_is_an_envelope() {
        let whole = envelope(vec![7; 40]).unwrap().sealed_for(InstallationId::of_identity(b"identity"));
        let bytes = whole.to_bytes();
        for length in 0..bytes.len() {
            // A prefix that ends with a field before the ciphertext lacks it; an empty one is not what was
            // sealed.
            let prefix = Envelope::from_bytes(bytes.slice(..length));
            assert!(prefix.is_err() || prefix.unwrap().sealed().is_empty(), "{length}");
        }
    }

    #[test]
    fn debug_tells_the_size_and_neither_number_nor_ciphertext() {
        let text = format!("{:?}", envelope(vec![7; 40]).unwrap());
        assert!(text.contains("40 bytes") && text.contains("Number(…45)"), "{text}");
        assert!(!text.contains("1234567890123"), "{text}");
    }
}
