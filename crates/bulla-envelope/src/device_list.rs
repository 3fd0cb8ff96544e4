use std::collections::BTreeMap;
use std::fmt;

use bulla_base::{DeviceId, DeviceSet, MAX_DEVICES, Number, Party, Rng};
use bytes::Bytes;
use thiserror::Error;

use crate::limits::{
    DEVICE_LIST_SIGNATURE_BYTES, IDENTITY_KEY_BYTES, IDENTITY_KEY_TYPE, MAX_DEVICE_LIST_BYTES,
};
use crate::{IdentitySigner, InvalidEnvelope};

/// What every statement begins with: no signature made for anything else is good here, nor the other way
/// round.
const CONTEXT: &[u8] = b"bulla device list 1";

/// A serialised public identity key.
type Key = [u8; IDENTITY_KEY_BYTES];

/// The devices of a user, each with its identity key, as the first of them lists them.
///
/// The identity of the first device is the user's: it signs the list, and no other does. Versions are counted
/// by identity, from 1. A list says who a device is, not whether it is there: one that was removed and still
/// stands in it is written to no more, and whoever takes its number has another key.
///
/// ```text
/// version (u64, big-endian) ‖ (device (1 byte) ‖ identity key (33 bytes))*      1 to 10, by device, from 1 on
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceList {
    version: u64,
    first: Key,
    others: BTreeMap<DeviceId, Key>,
}

/// A list of devices with the signature of the identity that it names first.
///
/// What it says is told by [`verify`](Self::verify), once it is known to be signed.
///
/// ```text
/// signed: `bulla device list 1` ‖ length (u16, big-endian) ‖ `u` and the digits ‖ length (u16) ‖ the list
/// ```
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SignedDeviceList {
    /// The list, at most 348 bytes.
    #[prost(bytes = "bytes", tag = "1")]
    list: Bytes,
    /// The XEdDSA signature of the first device's identity key.
    #[prost(bytes = "bytes", tag = "2")]
    signature: Bytes,
}

/// Why a list of devices is not believed. The move is that of who gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidDeviceList {
    /// The bytes are not of the form of a list.
    #[error("the device list is malformed")]
    Malformed,
    /// It is not signed for this user by the identity of the first device in it.
    #[error("the device list is not signed by the identity of the user's first device")]
    NotSigned,
}

impl DeviceList {
    /// The list with this version, in which the first device, with the identity key `first`, stands alone.
    #[must_use]
    pub const fn new(version: u64, first: [u8; 33]) -> Self {
        Self { version, first, others: BTreeMap::new() }
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// When the bytes are of another form. Only the one form that `to_bytes` writes is read.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidDeviceList> {
        let malformed = InvalidDeviceList::Malformed;
        let (version, rows) = bytes.split_first_chunk().ok_or(malformed)?;
        let (rows, []) = rows.as_chunks::<{ 1 + IDENTITY_KEY_BYTES }>() else { return Err(malformed) };
        let (first, rest) = rows.split_first().ok_or(malformed)?;
        let mut list = Self::new(u64::from_be_bytes(*version), read(first)?.1);
        if read(first)?.0 != DeviceId::PRIMARY {
            return Err(malformed);
        }
        let mut last = DeviceId::PRIMARY;
        for row in rest {
            let (device, key) = read(row)?;
            if device <= last {
                return Err(malformed);
            }
            last = device;
            list.others.insert(device, key);
        }
        Ok(list)
    }

    /// The list after this one, in which `device` has the identity key `key`. Nothing for the first device,
    /// whose key the list is signed with.
    #[must_use]
    pub fn with(&self, device: DeviceId, key: [u8; 33]) -> Option<Self> {
        let mut next = self.next();
        next.others.insert(device, key);
        (device != DeviceId::PRIMARY).then_some(next)
    }

    /// The list after this one, without `device`. Nothing for the first device.
    #[must_use]
    pub fn without(&self, device: DeviceId) -> Option<Self> {
        let mut next = self.next();
        next.others.remove(&device);
        (device != DeviceId::PRIMARY).then_some(next)
    }

    fn next(&self) -> Self {
        Self { version: self.version.saturating_add(1), ..self.clone() }
    }

    /// The list with the signature of `signer`, for the user with this number. 64 bytes are drawn of `rng`.
    ///
    /// # Cost
    /// A signature, about 50 µs.
    #[must_use]
    pub fn sign(&self, user: &Number, signer: &dyn IdentitySigner, rng: &dyn Rng) -> SignedDeviceList {
        let list = self.to_bytes();
        let signature = signer.sign(&statement(user, &list), rng);
        SignedDeviceList { list: list.into(), signature: Bytes::copy_from_slice(&signature) }
    }

    /// The how-manieth list of its identity it is, or more.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The identity key of the first device, which is the user's.
    #[must_use]
    pub const fn identity(&self) -> &[u8; 33] {
        &self.first
    }

    /// The identity key of `device`, if it stands in the list.
    #[must_use]
    pub fn key_of(&self, device: DeviceId) -> Option<&[u8; 33]> {
        if device == DeviceId::PRIMARY { Some(&self.first) } else { self.others.get(&device) }
    }

    /// The devices that stand in it.
    #[must_use]
    pub fn devices(&self) -> DeviceSet {
        self.others.keys().copied().fold(DeviceSet::PRIMARY, DeviceSet::with)
    }

    /// Whether this list may follow on `held`: it is of another identity, of a later version, or the same.
    #[must_use]
    pub fn may_follow(&self, held: &Self) -> bool {
        self.first != held.first || self.version > held.version || self == held
    }

    /// The list as bytes, at most 348.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.version.to_be_bytes().to_vec();
        let others = self.others.iter().map(|(device, key)| (device.number(), key));
        for (device, key) in std::iter::once((DeviceId::PRIMARY.number(), &self.first)).chain(others) {
            bytes.push(device);
            bytes.extend_from_slice(key);
        }
        bytes
    }
}

impl SignedDeviceList {
    /// The list `list` with this signature, as they stand on the wire.
    ///
    /// # Errors
    /// When one of them is not of its length.
    pub fn from_parts(list: impl Into<Bytes>, signature: impl Into<Bytes>) -> Result<Self, InvalidEnvelope> {
        let signed = Self { list: list.into(), signature: signature.into() };
        signed.check()?;
        Ok(signed)
    }

    /// What it lists, if it is signed for `user` by the identity of the first device in it. `is_signed` tells
    /// whether a signature is that of a public key, 32 bytes, over a message: this crate knows no signatures.
    ///
    /// # Errors
    /// [`InvalidDeviceList`]
    ///
    /// # Cost
    /// One check of a signature.
    pub fn verify(
        &self,
        user: &Number,
        is_signed: impl FnOnce(&[u8; 32], &[u8], &[u8; 64]) -> bool,
    ) -> Result<DeviceList, InvalidDeviceList> {
        let list = DeviceList::from_bytes(&self.list)?;
        if list.version == 0 {
            return Err(InvalidDeviceList::Malformed);
        }
        let [IDENTITY_KEY_TYPE, public @ ..] = &list.first else { return Err(InvalidDeviceList::Malformed) };
        let signature = self.signature[..].try_into().map_err(|_| InvalidDeviceList::NotSigned)?;
        match is_signed(public, &statement(user, &self.list), signature) {
            true => Ok(list),
            false => Err(InvalidDeviceList::NotSigned),
        }
    }

    /// What it would list if it was signed. For who has checked it before, and keeps it.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn unverified(&self) -> Result<DeviceList, InvalidDeviceList> {
        DeviceList::from_bytes(&self.list)
    }

    /// Checks that nothing is missing or beyond its limit.
    pub(crate) fn check(&self) -> Result<(), InvalidEnvelope> {
        if self.list.is_empty() {
            return Err(InvalidEnvelope::Field { field: "device list" });
        }
        InvalidEnvelope::at_most("device list (bytes)", MAX_DEVICE_LIST_BYTES, self.list.len())?;
        match self.signature.len() {
            DEVICE_LIST_SIGNATURE_BYTES => Ok(()),
            _ => Err(InvalidEnvelope::Field { field: "signature of the device list" }),
        }
    }
}

impl fmt::Debug for DeviceList {
    /// Public keys are no secrets, but they are somebody's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceList")
            .field("version", &self.version)
            .field("devices", &self.devices())
            .finish_non_exhaustive()
    }
}

/// The bytes that are signed.
fn statement(user: &Number, list: &[u8]) -> Vec<u8> {
    let mut statement = CONTEXT.to_vec();
    for part in [&Party::User(user.clone()).to_bytes()[..], list] {
        // Both are short: a number is, and a list is bounded.
        statement.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
        statement.extend_from_slice(part);
    }
    statement
}

fn read(row: &[u8; 1 + IDENTITY_KEY_BYTES]) -> Result<(DeviceId, Key), InvalidDeviceList> {
    let [device, key @ ..] = row;
    let device = DeviceId::new(*device).map_err(|_| InvalidDeviceList::Malformed)?;
    Ok((device, *key))
}

/// A list of all devices is within the bound.
const _: () =
    assert!(MAX_DEVICE_LIST_BYTES == 8 + MAX_DEVICES as usize * (1 + IDENTITY_KEY_BYTES), "the bound is off");

#[cfg(test)]
mod tests {
    use bulla_base::SeededRng;

    use super::*;

    /// Signs by repeating what it was given to sign.
    #[derive(Debug)]
    struct Echo;

    fn echo(message: &[u8]) -> [u8; 64] {
        let mut signature = [0_u8; 64];
        for (at, byte) in message.iter().enumerate() {
            signature[at % 64] = signature[at % 64].rotate_left(1) ^ byte;
        }
        signature
    }

    impl IdentitySigner for Echo {
        fn identity_key(&self) -> [u8; 33] {
            [5; 33]
        }

        fn sign(&self, statement: &[u8], _: &dyn Rng) -> [u8; 64] {
            echo(statement)
        }
    }

    fn is_echo(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        *public == [5; 32] && *signature == echo(message)
    }

    fn user(digits: &str) -> Number {
        Number::parse(digits).unwrap()
    }

    fn id(number: u8) -> DeviceId {
        DeviceId::new(number).unwrap()
    }

    /// With as many devices as there may be.
    fn whole() -> DeviceList {
        (2..=MAX_DEVICES)
            .fold(DeviceList::new(1, [5; 33]), |list, number| list.with(id(number), [number; 33]).unwrap())
    }

    /// Clients in other languages are written from this.
    #[test]
    fn list_and_what_is_signed_are_what_is_documented_byte_by_byte() {
        let list = DeviceList::new(6, [5; 33]).with(id(3), [9; 33]).unwrap();
        let bytes = [&7_u64.to_be_bytes()[..], &[1], &[5; 33], &[3], &[9; 33]].concat();
        assert_eq!(list.to_bytes(), bytes);
        let signed = b"bulla device list 1\0\x0cu16505551234\0\x4c";
        assert_eq!(statement(&user("16505551234"), &bytes), [&signed[..], &bytes].concat());
        assert_eq!(whole().to_bytes().len(), MAX_DEVICE_LIST_BYTES);
    }

    #[test]
    fn a_list_is_believed_of_its_user_alone_and_not_if_any_bit_of_it_is_another() {
        let (alice, rng) = (user("16505551234"), SeededRng::new(1));
        let signed = whole().sign(&alice, &Echo, &rng);
        signed.check().unwrap();
        assert_eq!(signed.verify(&alice, is_echo), Ok(whole()));
        assert_eq!(signed.verify(&user("16505551235"), is_echo), Err(InvalidDeviceList::NotSigned));
        for bit in 0..signed.list.len() * 8 {
            let mut list = signed.list.to_vec();
            list[bit / 8] ^= 1 << (bit % 8);
            let other = SignedDeviceList { list: list.into(), ..signed.clone() };
            assert!(other.verify(&alice, is_echo).is_err(), "bit {bit}");
        }
        for bit in 0..64 * 8 {
            let mut signature = signed.signature.to_vec();
            signature[bit / 8] ^= 1 << (bit % 8);
            let other = SignedDeviceList { signature: signature.into(), ..signed.clone() };
            assert_eq!(other.verify(&alice, is_echo), Err(InvalidDeviceList::NotSigned), "bit {bit}");
        }
        let none = DeviceList::new(0, [5; 33]).sign(&alice, &Echo, &rng);
        assert_eq!(none.verify(&alice, is_echo), Err(InvalidDeviceList::Malformed), "versions begin at 1");
    }

    #[test]
    fn only_the_one_form_is_read() {
        let bytes = whole().to_bytes();
        assert_eq!(DeviceList::from_bytes(&bytes), Ok(whole()));
        for end in (0..bytes.len()).filter(|end| *end < 8 + 34 || (end - 8) % 34 != 0) {
            assert_eq!(DeviceList::from_bytes(&bytes[..end]), Err(InvalidDeviceList::Malformed), "{end}");
        }
        let row = |device: u8| [&[device][..], &[9; 33]].concat();
        let of = |devices: &[u8]| {
            let rows: Vec<u8> = devices.iter().flat_map(|device| row(*device)).collect();
            DeviceList::from_bytes(&[&[0; 8][..], &rows].concat())
        };
        assert!(of(&[1, 2, 10]).is_ok());
        for bad in [&[2][..], &[1, 1], &[1, 3, 2], &[1, 11], &[0, 1], &[1, 0]] {
            assert_eq!(of(bad), Err(InvalidDeviceList::Malformed), "{bad:?}");
        }
        let beyond =
            SignedDeviceList { list: vec![1; MAX_DEVICE_LIST_BYTES + 1].into(), ..Default::default() };
        assert!(matches!(beyond.check(), Err(InvalidEnvelope::TooLarge { actual: 349, limit: 348, .. })));
        assert!(SignedDeviceList::from_parts(bytes, vec![0; 63]).is_err());
    }

    #[test]
    fn versions_only_grow_and_begin_anew_with_another_identity() {
        let (first, other) = (DeviceList::new(1, [5; 33]), DeviceList::new(1, [6; 33]));
        let second = first.with(id(2), [9; 33]).unwrap();
        let third = second.without(id(2)).unwrap();
        assert_eq!((second.version(), third.version()), (2, 3));
        assert_eq!((second.devices().bits(), third.devices()), (3, DeviceSet::PRIMARY));
        assert_eq!((second.key_of(id(2)), third.key_of(id(2))), (Some(&[9; 33]), None));
        assert!(second.may_follow(&first) && second.may_follow(&second) && other.may_follow(&third));
        assert!(!first.may_follow(&second));
        assert!(!second.may_follow(&first.with(id(3), [9; 33]).unwrap()), "two of one version");
        assert_eq!(first.with(id(1), [9; 33]), None);
        assert_eq!(first.without(id(1)), None);
    }
}
