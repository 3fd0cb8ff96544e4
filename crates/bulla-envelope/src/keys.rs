use bulla_base::{DeviceId, DeviceSet};
use bytes::Bytes;
use prost::Message as _;

use crate::{InvalidEnvelope, LogEntry, MAX_KEY_BYTES, MAX_ONE_TIME_KEYS, SignedDeviceList};

/// A public prekey its owner signed: the classical or the post-quantum one.
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[non_exhaustive]
pub struct SignedKey {
    /// The id by which the owner finds the private half.
    #[prost(uint32, tag = "1")]
    pub id: u32,
    /// The serialised public key.
    #[prost(bytes = "bytes", tag = "2")]
    pub public: Bytes,
    /// The identity key's XEdDSA signature over it.
    #[prost(bytes = "bytes", tag = "3")]
    pub signature: Bytes,
}

impl SignedKey {
    /// The key `public`, named `id`, with its signature.
    pub fn new(id: u32, public: impl Into<Bytes>, signature: impl Into<Bytes>) -> Self {
        Self { id, public: public.into(), signature: signature.into() }
    }
}

/// A public prekey that is given away once.
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[non_exhaustive]
pub struct OneTimeKey {
    /// The id by which the owner finds the private half.
    #[prost(uint32, tag = "1")]
    pub id: u32,
    /// The serialised public key.
    #[prost(bytes = "bytes", tag = "2")]
    pub public: Bytes,
}

impl OneTimeKey {
    /// The key `public`, named `id`.
    pub fn new(id: u32, public: impl Into<Bytes>) -> Self {
        Self { id, public: public.into() }
    }
}

/// The public keys a device leaves with the carrier. It replaces all that it left before, the one-time keys
/// aside, which are added.
///
/// Ids of one-time keys begin at 1 and only grow: a key whose id is not above all that were left before is
/// taken for a repetition and ignored, unless the identity key is new.
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[non_exhaustive]
pub struct KeyUpload {
    /// The registration id of this installation.
    #[prost(uint32, tag = "1")]
    pub registration_id: u32,
    /// The serialised public identity key.
    #[prost(bytes = "bytes", tag = "2")]
    pub identity: Bytes,
    /// The signed prekey.
    #[prost(message, optional, tag = "3")]
    pub signed: Option<SignedKey>,
    /// The last-resort Kyber prekey.
    #[prost(message, optional, tag = "4")]
    pub kyber: Option<SignedKey>,
    /// One-time prekeys, to be given away once each.
    #[prost(message, repeated, tag = "5")]
    pub one_time: Vec<OneTimeKey>,
    /// The devices of the user, as the first of them lists them. Of the first device of a user only, if it
    /// leaves one.
    #[prost(message, optional, tag = "6")]
    pub device_list: Option<SignedDeviceList>,
}

impl KeyUpload {
    /// All the keys of a device.
    pub fn new(
        registration_id: u32,
        identity: impl Into<Bytes>,
        signed: SignedKey,
        kyber: SignedKey,
        one_time: Vec<OneTimeKey>,
    ) -> Self {
        Self {
            registration_id,
            identity: identity.into(),
            signed: Some(signed),
            kyber: Some(kyber),
            one_time,
            device_list: None,
        }
    }

    /// Reads the wire form.
    ///
    /// # Errors
    /// When the bytes are malformed, a key is missing, or a bound is broken.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, InvalidEnvelope> {
        let limit = MAX_KEY_BYTES * (MAX_ONE_TIME_KEYS + 8);
        InvalidEnvelope::at_most("key upload (bytes)", limit, bytes.len())?;
        InvalidEnvelope::unless_flat(&bytes, &[3, 4, 5, 6])?;
        let upload = Self::decode(bytes).map_err(|_| InvalidEnvelope::Malformed)?;
        upload.check()?;
        Ok(upload)
    }

    /// The same upload, of a user's first device, which has the devices of `list`.
    #[must_use]
    pub fn listing(mut self, list: SignedDeviceList) -> Self {
        self.device_list = Some(list);
        self
    }

    /// The wire form.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// Checks that nothing is missing or beyond its limit.
    ///
    /// # Errors
    /// With the first field that is.
    pub fn check(&self) -> Result<(), InvalidEnvelope> {
        check_key("identity key", &self.identity)?;
        check_signed("signed prekey", self.signed.as_ref())?;
        check_signed("kyber prekey", self.kyber.as_ref())?;
        InvalidEnvelope::at_most("one-time prekeys", MAX_ONE_TIME_KEYS, self.one_time.len())?;
        self.one_time.iter().try_for_each(|key| check_key("one-time prekey", &key.public))?;
        self.device_list.as_ref().map_or(Ok(()), SignedDeviceList::check)
    }
}

/// What another party needs to write to a device first.
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[non_exhaustive]
pub struct KeyBundle {
    /// The registration id of the installation.
    #[prost(uint32, tag = "1")]
    pub registration_id: u32,
    /// The device's number.
    #[prost(uint32, tag = "2")]
    device: u32,
    /// The serialised public identity key.
    #[prost(bytes = "bytes", tag = "3")]
    pub identity: Bytes,
    /// The signed prekey; always there.
    #[prost(message, optional, tag = "4")]
    signed: Option<SignedKey>,
    /// The Kyber prekey; always there.
    #[prost(message, optional, tag = "5")]
    kyber: Option<SignedKey>,
    /// A one-time prekey, given away with this bundle, unless they had run out.
    #[prost(message, optional, tag = "6")]
    pub one_time: Option<OneTimeKey>,
    /// All devices that the owner has.
    #[prost(uint32, tag = "7")]
    devices: u32,
    /// Where the identity key stands in the carrier's log of keys. Of a business only, and only if the
    /// carrier keeps a log.
    #[prost(message, optional, tag = "8")]
    pub log: Option<LogEntry>,
    /// The devices of the user, as the first of them lists them. Of a user only.
    #[prost(message, optional, tag = "9")]
    pub device_list: Option<SignedDeviceList>,
}

impl KeyBundle {
    /// The bundle that `upload` and one of its one-time keys make, of the owner's only device, with the list
    /// of devices that is in the upload.
    ///
    /// # Errors
    /// When the upload does not pass [`KeyUpload::check`].
    pub fn new(
        device: DeviceId,
        upload: &KeyUpload,
        one_time: Option<OneTimeKey>,
    ) -> Result<Self, InvalidEnvelope> {
        upload.check()?;
        Ok(Self {
            registration_id: upload.registration_id,
            device: u32::from(device.number()),
            identity: upload.identity.clone(),
            signed: upload.signed.clone(),
            kyber: upload.kyber.clone(),
            one_time,
            devices: DeviceSet::of(device).bits(),
            log: None,
            device_list: upload.device_list.clone(),
        })
    }

    /// Reads the wire form.
    ///
    /// # Errors
    /// When the bytes are malformed, a key is missing, or a bound is broken.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, InvalidEnvelope> {
        InvalidEnvelope::at_most("key bundle (bytes)", MAX_KEY_BYTES * 8, bytes.len())?;
        InvalidEnvelope::unless_flat(&bytes, &[4, 5, 6, 8, 9])?;
        let bundle = Self::decode(bytes).map_err(|_| InvalidEnvelope::Malformed)?;
        bundle.devices()?;
        check_key("identity key", &bundle.identity)?;
        bundle.signed()?;
        bundle.kyber()?;
        if let Some(key) = &bundle.one_time {
            check_key("one-time prekey", &key.public)?;
        }
        bundle.log.as_ref().map_or(Ok(()), LogEntry::check)?;
        bundle.device_list.as_ref().map_or(Ok(()), SignedDeviceList::check)?;
        Ok(bundle)
    }

    /// The same bundle, of an owner who has these devices.
    ///
    /// # Errors
    /// When its own is not among them.
    pub fn among(mut self, devices: DeviceSet) -> Result<Self, InvalidEnvelope> {
        self.devices = devices.bits();
        self.devices()?;
        Ok(self)
    }

    /// The same bundle, of a user whose first device has signed `list`, if there is one.
    #[must_use]
    pub fn listed(mut self, list: Option<SignedDeviceList>) -> Self {
        self.device_list = list;
        self
    }

    /// The same bundle, whose identity key stands in the carrier's log.
    ///
    /// # Errors
    /// When a part of `entry` is missing or beyond its limit.
    pub fn logged(mut self, entry: LogEntry) -> Result<Self, InvalidEnvelope> {
        entry.check()?;
        self.log = Some(entry);
        Ok(self)
    }

    /// All devices that the owner has, the bundle's own among them.
    ///
    /// # Errors
    /// Never for a bundle that came from [`KeyBundle::new`] or [`KeyBundle::from_bytes`].
    pub fn devices(&self) -> Result<DeviceSet, InvalidEnvelope> {
        let devices = DeviceSet::from_bits(self.devices).map_err(InvalidEnvelope::word("devices"))?;
        match devices.contains(self.device()?) {
            true => Ok(devices),
            false => Err(InvalidEnvelope::Field { field: "devices" }),
        }
    }

    /// The device whose keys these are.
    ///
    /// # Errors
    /// Never for a bundle that came from [`KeyBundle::new`] or [`KeyBundle::from_bytes`].
    pub fn device(&self) -> Result<DeviceId, InvalidEnvelope> {
        let number = u8::try_from(self.device).map_err(|_| InvalidEnvelope::Field { field: "device" })?;
        DeviceId::new(number).map_err(InvalidEnvelope::word("device"))
    }

    /// The signed prekey.
    ///
    /// # Errors
    /// Never for a bundle that came from [`KeyBundle::new`] or [`KeyBundle::from_bytes`].
    pub fn signed(&self) -> Result<&SignedKey, InvalidEnvelope> {
        check_signed("signed prekey", self.signed.as_ref())
    }

    /// The Kyber prekey.
    ///
    /// # Errors
    /// Never for a bundle that came from [`KeyBundle::new`] or [`KeyBundle::from_bytes`].
    pub fn kyber(&self) -> Result<&SignedKey, InvalidEnvelope> {
        check_signed("kyber prekey", self.kyber.as_ref())
    }

    /// The wire form.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }
}

fn check_key(field: &'static str, key: &Bytes) -> Result<(), InvalidEnvelope> {
    if key.is_empty() {
        return Err(InvalidEnvelope::Field { field });
    }
    InvalidEnvelope::at_most(field, MAX_KEY_BYTES, key.len())
}

fn check_signed<'a>(
    field: &'static str,
    key: Option<&'a SignedKey>,
) -> Result<&'a SignedKey, InvalidEnvelope> {
    let key = key.ok_or(InvalidEnvelope::Field { field })?;
    check_key(field, &key.public)?;
    check_key(field, &key.signature)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(one_time: usize, key_bytes: usize) -> KeyUpload {
        let signed = SignedKey::new(1, vec![1; key_bytes], vec![2; 64]);
        let one_time = (0..one_time).map(|_| OneTimeKey::new(3, vec![3; 33])).collect();
        KeyUpload::new(7, vec![5; 33], signed.clone(), signed, one_time)
    }

    #[test]
    fn uploads_at_their_limits_come_back_and_beyond_them_are_refused() {
        for good in [upload(0, 1), upload(MAX_ONE_TIME_KEYS, MAX_KEY_BYTES)] {
            assert_eq!(KeyUpload::from_bytes(good.to_bytes()).unwrap(), good);
        }
        for bad in [upload(MAX_ONE_TIME_KEYS + 1, 33), upload(1, MAX_KEY_BYTES + 1), upload(1, 0)] {
            assert!(KeyUpload::from_bytes(bad.to_bytes()).is_err());
        }
    }

    /// `bytes` with a field that is not known behind them, so that there are `length`.
    fn padded(bytes: &Bytes, length: usize) -> Bytes {
        let unknown = length - bytes.len() - 5;
        let [low, middle, high] = [unknown & 0x7f | 0x80, unknown >> 7 & 0x7f | 0x80, unknown >> 14]
            .map(|byte| u8::try_from(byte).unwrap());
        Bytes::from([&bytes[..], &[0x82, 0x01, low, middle, high], &vec![0; unknown]].concat())
    }

    #[test]
    fn what_is_longer_than_anything_could_be_is_not_decoded() {
        let upload = upload(1, 33);
        let bundle = KeyBundle::new(DeviceId::PRIMARY, &upload, None).unwrap();
        let read =
            |bytes: Bytes| [KeyUpload::from_bytes(bytes.clone()).err(), KeyBundle::from_bytes(bytes).err()];
        let too_large = |field, limit| Some(InvalidEnvelope::TooLarge { field, actual: limit + 1, limit });
        let limit = MAX_KEY_BYTES * 208;
        assert_eq!(read(padded(&upload.to_bytes(), limit))[0], None);
        assert_eq!(read(padded(&upload.to_bytes(), limit + 1))[0], too_large("key upload (bytes)", limit));
        let limit = MAX_KEY_BYTES * 8;
        assert_eq!(read(padded(&bundle.to_bytes(), limit))[1], None);
        assert_eq!(read(padded(&bundle.to_bytes(), limit + 1))[1], too_large("key bundle (bytes)", limit));
    }

    #[test]
    fn a_bundle_has_what_was_uploaded() {
        let upload = upload(1, 33);
        let one_time = upload.one_time[0].clone();
        let bundle = KeyBundle::new(DeviceId::new(3).unwrap(), &upload, Some(one_time.clone())).unwrap();
        let bundle = KeyBundle::from_bytes(bundle.to_bytes()).unwrap();
        assert_eq!((bundle.device().unwrap().number(), bundle.registration_id), (3, 7));
        assert_eq!((&bundle.identity, bundle.one_time.as_ref()), (&upload.identity, Some(&one_time)));
        assert_eq!(Some(bundle.signed().unwrap()), upload.signed.as_ref());
        assert_eq!(Some(bundle.kyber().unwrap()), upload.kyber.as_ref());
    }

    #[test]
    fn a_log_entry_comes_back_at_its_limits_and_is_refused_beyond_them() {
        let bundle = KeyBundle::new(DeviceId::PRIMARY, &upload(1, 33), None).unwrap();
        let entry = |one, two, three| LogEntry::new(vec![1; one], vec![2; two], vec![3; three]);
        let logged = bundle.clone().logged(entry(78, 2032, 104)).unwrap();
        assert_eq!(KeyBundle::from_bytes(logged.to_bytes()).unwrap(), logged);
        let refused = |field, actual, limit| Err(InvalidEnvelope::TooLarge { field, actual, limit });
        for (entry, field, limit) in [
            (entry(79, 1, 1), "statement of the log entry (bytes)", 78),
            (entry(1, 2033, 1), "proof of the log entry (bytes)", 2032),
            (entry(1, 1, 105), "signed head of the log entry (bytes)", 104),
        ] {
            assert_eq!(bundle.clone().logged(entry.clone()), refused(field, limit + 1, limit));
            let told = KeyBundle { log: Some(entry), ..bundle.clone() };
            assert_eq!(KeyBundle::from_bytes(told.to_bytes()), refused(field, limit + 1, limit));
        }
        for (missing, field) in [
            (entry(0, 1, 1), "statement of the log entry (bytes)"),
            (entry(1, 0, 1), "proof of the log entry (bytes)"),
            (entry(1, 1, 0), "signed head of the log entry (bytes)"),
        ] {
            assert_eq!(bundle.clone().logged(missing), Err(InvalidEnvelope::Field { field }));
        }
    }

    #[test]
    fn a_bundle_lacks_no_key() {
        let bundle = KeyBundle::new(DeviceId::PRIMARY, &upload(1, 33), None).unwrap();
        assert_eq!(KeyBundle::from_bytes(bundle.to_bytes()).unwrap(), bundle);
        let without = KeyBundle { kyber: None, ..bundle.clone() };
        assert_eq!(
            KeyBundle::from_bytes(without.to_bytes()).unwrap_err(),
            InvalidEnvelope::Field { field: "kyber prekey" }
        );
        let no_device = KeyBundle { device: 0, ..bundle.clone() };
        assert!(KeyBundle::from_bytes(no_device.to_bytes()).is_err());
        for devices in [0, 2, 0x401] {
            let others = KeyBundle { devices, ..bundle.clone() };
            assert!(KeyBundle::from_bytes(others.to_bytes()).is_err(), "{devices:x}");
        }
    }

    #[test]
    fn a_bundle_tells_all_devices_of_its_owner() {
        let [second, all] = [DeviceSet::of(DeviceId::new(2).unwrap()), DeviceSet::from_bits(0x3ff).unwrap()];
        let bundle = KeyBundle::new(DeviceId::PRIMARY, &upload(1, 33), None).unwrap();
        assert_eq!(bundle.devices(), Ok(DeviceSet::PRIMARY));
        assert!(bundle.clone().among(second).is_err(), "it is of one of them");
        let bundle = KeyBundle::from_bytes(bundle.among(all).unwrap().to_bytes()).unwrap();
        assert_eq!(bundle.devices(), Ok(all));
    }
}
