//! The messages of the wire as the values they stand for, and back.

use bulla_base::{Address, DeviceId, InvalidWord, Quality, Tier, Timestamp};
use bulla_envelope::{Envelope, InstallationId, InvalidEnvelope};
use bytes::Bytes;

use super::limits::{FRAMING_BYTES, MAX_FRAME_BYTES};
use super::proto;
use crate::{BusinessStanding, Caller, Connected, Delivery, Incarnation, MAX_DELIVERIES, Sequence};

impl From<&Caller> for proto::Caller {
    fn from(caller: &Caller) -> Self {
        Self {
            address: caller.address().to_bytes().into(),
            installation: Bytes::copy_from_slice(caller.installation().as_bytes()),
            incarnation: caller.incarnation().number(),
        }
    }
}

impl proto::Caller {
    /// Who calls.
    ///
    /// # Errors
    /// When there is none, or it has no address or installation.
    pub fn read(caller: Option<Self>) -> Result<Caller, InvalidEnvelope> {
        let caller = caller.ok_or(InvalidEnvelope::Field { field: "caller" })?;
        let installation = caller.installation[..].try_into();
        let installation = installation.map_err(|_| InvalidEnvelope::Field { field: "installation" })?;
        Ok(Caller::new(
            address("address", &caller.address)?,
            InstallationId::from_bytes(installation),
            Incarnation::new(caller.incarnation),
        ))
    }
}

impl proto::Caller {
    /// Who registers, and whether their device has a number already. One that has none, and says 0, is named
    /// as the first device.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_new(caller: Option<Self>) -> Result<(Caller, bool), InvalidEnvelope> {
        let Some(mut caller) = caller else { return Self::read(None).map(|caller| (caller, true)) };
        let has_number = caller.address.first() != Some(&0);
        if let Some((0, party)) = caller.address.split_first() {
            caller.address = [&[DeviceId::PRIMARY.number()], party].concat().into();
        }
        Ok((Self::read(Some(caller))?, has_number))
    }
}

/// The address these bytes of `field` are.
///
/// # Errors
/// When they are none.
pub fn address(field: &'static str, bytes: &[u8]) -> Result<Address, InvalidEnvelope> {
    Address::from_bytes(bytes).map_err(word(field))
}

fn word(field: &'static str) -> impl FnOnce(InvalidWord) -> InvalidEnvelope {
    move |source| InvalidEnvelope::Word { field, source }
}

impl From<Connected> for proto::Connected {
    fn from(connected: Connected) -> Self {
        Self {
            one_time_keys: u32::try_from(connected.one_time_keys).unwrap_or(u32::MAX),
            highest_one_time: connected.highest_one_time,
            device: 0,
            generation: connected.generation,
            device_list: connected.device_list,
            standing: connected.standing.map(Into::into),
        }
    }
}

impl From<proto::Connected> for Connected {
    fn from(connected: proto::Connected) -> Self {
        // A number that does not fit is a full stock all the same.
        let one_time_keys = usize::try_from(connected.one_time_keys).unwrap_or(usize::MAX);
        Self::new(one_time_keys, connected.highest_one_time)
            .in_generation(connected.generation)
            .keeping(connected.device_list)
            .standing(connected.standing.map(Into::into))
    }
}

impl From<BusinessStanding> for proto::BusinessStanding {
    fn from(standing: BusinessStanding) -> Self {
        let BusinessStanding { quality, is_warned, restriction, tier } = standing;
        let (restriction, until) = restriction
            .map_or((proto::Restriction::Unspecified, None), |(is, until)| {
                (proto::Restriction::of(is), until)
            });
        Self {
            quality: i32::from(quality.code()),
            warned: is_warned,
            restriction: restriction.into(),
            until_ms: until.map_or(0, Timestamp::as_millis),
            tier: tier.map_or(0, |tier| i32::from(tier.code())),
        }
    }
}

impl From<proto::BusinessStanding> for BusinessStanding {
    fn from(told: proto::BusinessStanding) -> Self {
        let code = |code| u8::try_from(code).unwrap_or_default();
        let quality = Quality::from_code(code(told.quality)).unwrap_or_default();
        let until = Some(told.until_ms).filter(|until| *until > 0).map(Timestamp::from_millis);
        let standing =
            Self { is_warned: told.warned, tier: Tier::from_code(code(told.tier)), ..Self::new(quality) };
        match told.restriction {
            0 => standing,
            _ => Self { restriction: Some((told.restriction().known(), until)), ..standing },
        }
    }
}

impl proto::Send {
    /// The envelopes that are handed over.
    ///
    /// # Errors
    /// When there are none or too many, or one of them is none.
    pub fn read(self) -> Result<Vec<Envelope>, InvalidEnvelope> {
        at_most("envelopes at once", MAX_DELIVERIES, self.envelopes.len())?;
        if self.envelopes.is_empty() {
            return Err(InvalidEnvelope::Field { field: "envelopes" });
        }
        self.envelopes.into_iter().map(Envelope::from_bytes).collect()
    }
}

impl proto::Acknowledge {
    /// That everything is durable that was delivered on the stream through a number, 0 for nothing, and these
    /// of `epoch` besides.
    pub(crate) fn merged(call: u64, epoch: u64, (through, numbers): (u64, Vec<u64>)) -> Self {
        // Without numbers there is nothing that the epoch could be of.
        let epoch = if numbers.is_empty() { 0 } else { epoch };
        Self { call, epoch, numbers, through }
    }

    /// The deliveries that are named as durable.
    ///
    /// # Errors
    /// When there are too many.
    pub fn read(&self) -> Result<Vec<Sequence>, InvalidEnvelope> {
        at_most("sequences at once", MAX_DELIVERIES, self.numbers.len())?;
        Ok(self.numbers.iter().map(|number| Sequence::new(self.epoch, *number)).collect())
    }
}

impl proto::Deliveries {
    /// The answer to `call`: of `deliveries`, which are of one epoch, as many from the first on as fit into a
    /// frame. What does not fit comes when it is asked for after the last that did.
    #[must_use]
    pub fn fitting(call: u64, deliveries: &[Delivery]) -> Self {
        let (mut fitting, mut room) = (Vec::with_capacity(deliveries.len()), MAX_FRAME_BYTES - FRAMING_BYTES);
        let epoch = deliveries.first().map_or(0, |first| first.sequence.epoch());
        for delivery in deliveries.iter().take_while(|delivery| delivery.sequence.epoch() == epoch) {
            let envelope = delivery.envelope.to_bytes();
            match room.checked_sub(envelope.len() + FRAMING_BYTES) {
                Some(left) => room = left,
                None => break,
            }
            fitting.push(proto::Delivery {
                number: delivery.sequence.number(),
                previous: delivery.previous.number_in(epoch),
                envelope,
            });
        }
        Self { call, epoch, deliveries: fitting }
    }

    /// What was delivered.
    ///
    /// # Errors
    /// When there are too many, or an envelope is none.
    pub fn read(self) -> Result<Vec<Delivery>, InvalidEnvelope> {
        at_most("deliveries at once", MAX_DELIVERIES, self.deliveries.len())?;
        let place = |number| Sequence::new(self.epoch, number);
        let read = |delivery: proto::Delivery| {
            let envelope = Envelope::from_bytes(delivery.envelope)?;
            Ok(Delivery::new(place(delivery.number), place(delivery.previous), envelope))
        };
        self.deliveries.into_iter().map(read).collect()
    }
}

fn at_most(field: &'static str, limit: usize, actual: usize) -> Result<(), InvalidEnvelope> {
    if actual > limit { Err(InvalidEnvelope::TooLarge { field, actual, limit }) } else { Ok(()) }
}

/// How many of these envelopes, from the first on, fit into a frame; at least one.
pub(crate) fn fitting_envelopes(envelopes: &[Bytes]) -> usize {
    let mut room = MAX_FRAME_BYTES - FRAMING_BYTES;
    let fits = |envelope: &&Bytes| {
        let left = room.checked_sub(envelope.len() + FRAMING_BYTES);
        room = left.unwrap_or_default();
        left.is_some()
    };
    envelopes.iter().take(MAX_DELIVERIES).take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use bulla_base::{Category, DeviceSet, MessageId, Number, PhoneNumberId, Rng, SeededRng, Timestamp};
    use bulla_envelope::{
        Form, FrankingTag, KeyBundle, KeyUpload, Kind, MAX_SEALED_BYTES, OneTimeKey, SignedKey,
    };
    use prost::Message;

    use super::super::codec;
    use super::super::proto::{CarrierFrame, ClientFrame, carrier_frame, client_frame};
    use super::*;
    use crate::Restriction;

    fn alice() -> Address {
        Address::user(Number::parse("16505551234").unwrap())
    }

    fn envelope(sealed: usize) -> Envelope {
        let id = MessageId::new(Timestamp::from_millis(5), &SeededRng::new(1));
        let (from, kind) = (Address::business(PhoneNumberId::new(7)), Kind::Message(Category::Marketing));
        let tag = FrankingTag::from_bytes([9; 32]);
        Envelope::new(id, from, alice(), kind, tag, Form::PreKey, vec![8; sealed]).unwrap()
    }

    fn delivery(place: u64, sealed: usize) -> Delivery {
        let at = |number| Sequence::new(3, number);
        Delivery::new(at(place), at(place - 1), envelope(sealed))
    }

    #[test]
    fn how_a_business_stands_comes_back_from_the_wire_whatever_it_is() {
        let until = Timestamp::from_millis(1_795_293_590_960);
        let restrictions = [Restriction::Limited, Restriction::Paused, Restriction::Stopped];
        let restrictions = restrictions.into_iter().flat_map(|is| [(is, None), (is, Some(until))]);
        let restrictions: Vec<_> = restrictions.map(Some).chain([None]).collect();
        let tiers: Vec<_> = Tier::ALL.into_iter().map(Some).chain([None]).collect();
        let mut seen = 0;
        for quality in Quality::ALL {
            for is_warned in [false, true] {
                for restriction in &restrictions {
                    for tier in &tiers {
                        let mut standing = BusinessStanding::new(quality);
                        (standing.is_warned, standing.restriction, standing.tier) =
                            (is_warned, *restriction, *tier);
                        for standing in [Some(standing), None] {
                            let connected = Connected::new(3, 9).in_generation(5).standing(standing);
                            let wire = proto::Connected::from(connected).encode_to_vec();
                            let read = codec::decode::<proto::Connected>(wire.into()).unwrap();
                            assert!(Connected::from(read) == connected, "{standing:?}");
                        }
                        seen += 1;
                    }
                }
            }
        }
        assert_eq!(seen, Quality::ALL.len() * 2 * 7 * (Tier::ALL.len() + 1));
    }

    /// Clients in other languages are written from the files; ours is written by hand, in another crate.
    #[test]
    fn envelopes_and_keys_are_what_the_files_say() {
        let installation = InstallationId::of_identity(b"identity");
        let whole = envelope(3).sealed_for(installation).sent_again(2).unwrap();
        let whole = whole.among(DeviceSet::PRIMARY).unwrap();
        let read = proto::Envelope::decode(whole.to_bytes()).unwrap();
        assert_eq!(read.id[..], whole.id().as_bytes()[..]);
        assert_eq!(
            (&read.from[..], &read.to[..]),
            (&b"\x01b\0\0\0\0\0\0\0\x07"[..], &b"\x01u16505551234"[..])
        );
        assert_eq!((read.kind, read.form, read.attempt, read.devices), (1, 3, 2, 1));
        assert_eq!(read.category, u32::from(Category::Marketing.code()));
        assert_eq!((&read.franking[..], &read.sealed[..]), (&[9; 32][..], &[8; 3][..]));
        assert_eq!(read.installation[..], installation.as_bytes()[..]);
        assert_eq!(Envelope::from_bytes(read.encode_to_vec().into()).unwrap(), whole);

        let signed = |id| SignedKey::new(id, vec![1; 33], vec![2; 64]);
        let upload =
            KeyUpload::new(7, vec![5; 33], signed(1), signed(2), vec![OneTimeKey::new(3, vec![3; 33])]);
        let read = proto::KeyUpload::decode(upload.to_bytes()).unwrap();
        assert_eq!((read.registration_id, read.identity.len(), read.one_time[0].id), (7, 33, 3));
        assert_eq!(KeyUpload::from_bytes(read.encode_to_vec().into()).unwrap(), upload);
        let bundle = KeyBundle::new(DeviceId::PRIMARY, &upload, upload.one_time.first().cloned()).unwrap();
        let read = proto::KeyBundle::decode(bundle.to_bytes()).unwrap();
        assert_eq!((read.device, read.devices, read.kyber.as_ref().unwrap().id), (1, 1, 2));
        assert_eq!(KeyBundle::from_bytes(read.encode_to_vec().into()).unwrap(), bundle);
    }

    #[test]
    fn callers_come_back() {
        let caller = Caller::new(alice(), InstallationId::from_bytes([7; 16]), Incarnation::new(u64::MAX));
        assert_eq!(proto::Caller::read(Some((&caller).into())).unwrap(), caller);
    }

    #[test]
    fn a_device_without_a_number_is_read_as_the_first_and_told_from_it() {
        let caller = Caller::new(alice(), InstallationId::from_bytes([7; 16]), Incarnation::new(1));
        let mut wire = proto::Caller::from(&caller);
        assert_eq!(proto::Caller::read_new(Some(wire.clone())).unwrap(), (caller.clone(), true));
        wire.address = [b"\0", &wire.address[1..]].concat().into();
        assert_eq!(proto::Caller::read_new(Some(wire.clone())).unwrap(), (caller, false));
        assert!(proto::Caller::read(Some(wire)).is_err(), "nobody speaks as it");
        assert!(proto::Caller::read_new(None).is_err());
    }

    #[test]
    fn frames_are_as_full_as_they_may_be_and_no_fuller() {
        let deliveries: Vec<_> = (1..=64).map(|place| delivery(place, MAX_SEALED_BYTES)).collect();
        let fitting = proto::Deliveries::fitting(5, &deliveries);
        assert_eq!(fitting.deliveries.len(), 10);
        let frame = CarrierFrame { frame: Some(carrier_frame::Frame::Deliveries(fitting.clone())) };
        assert!(frame.encoded_len() <= MAX_FRAME_BYTES);
        assert!(fitting.read().unwrap() == deliveries[..10]);
        let small: Vec<_> = (1..=64).map(|place| delivery(place, 40)).collect();
        assert!(proto::Deliveries::fitting(5, &small).read().unwrap() == small);

        let largest = vec![envelope(MAX_SEALED_BYTES).to_bytes(); 64];
        assert_eq!(fitting_envelopes(&largest), 10);
        let envelopes = largest[..10].to_vec();
        let frame =
            ClientFrame { frame: Some(client_frame::Frame::Send(proto::Send { call: u64::MAX, envelopes })) };
        assert!(frame.encoded_len() <= MAX_FRAME_BYTES);
        assert_eq!(fitting_envelopes(&vec![Bytes::new(); 100]), 64);
        assert_eq!(fitting_envelopes(&[vec![0; 2 * MAX_FRAME_BYTES].into()]), 1, "it is refused by name");
    }

    /// Whatever a stranger makes of a frame.
    #[test]
    fn a_spoilt_frame_is_read_or_refused() {
        let (rng, mut read) = (SeededRng::new(11), 0);
        let deliveries = proto::Deliveries::fitting(5, &[delivery(1, 20), delivery(2, 20)]);
        let from_carrier = CarrierFrame { frame: Some(carrier_frame::Frame::Deliveries(deliveries)) };
        let envelopes = vec![envelope(20).to_bytes(); 2];
        let send = client_frame::Frame::Send(proto::Send { call: 1, envelopes });
        let from_client = ClientFrame { frame: Some(send) };
        for _ in 0..5_000 {
            let (mut one, mut other) = (from_carrier.encode_to_vec(), from_client.encode_to_vec());
            for bytes in [&mut one, &mut other] {
                let mut drawn = [0; 3];
                rng.fill(&mut drawn);
                let at = usize::from(drawn[0]) * bytes.len() / 256;
                bytes[at] = drawn[1];
                bytes.truncate(bytes.len() - usize::from(drawn[2] / 64));
            }
            if let Ok(CarrierFrame { frame: Some(carrier_frame::Frame::Deliveries(these)) }) =
                codec::decode(one.into())
            {
                read += usize::from(these.read().is_ok());
            }
            if let Ok(ClientFrame { frame: Some(client_frame::Frame::Send(these)) }) =
                codec::decode(other.into())
            {
                read += usize::from(these.read().is_ok());
            }
        }
        assert!((250..7_500).contains(&read), "{read}");
    }
}
