use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Address, DeviceId, HASHING_STACK_BYTES, Party, Rng, hex, without_trace};

/// The keyed tag under which all about one customer is kept: HMAC-SHA-256(pepper, party), its first sixteen
/// bytes.
///
/// Both directions of a conversation, its sessions and its erasure live under one tag, and so on one shard.
/// Whoever has no pepper cannot tell whose tag it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition([u8; 16]);

impl Partition {
    /// The partition with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The partition's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Partition {
    /// What stands in traces for the partition: its first four bytes, in hexadecimal. Enough to find what
    /// belongs together, and nothing to those who have no pepper.
    #[must_use]
    pub fn tag(&self) -> String {
        hex::encode(&self.0[..4])
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partition({})", hex::encode(&self.0))
    }
}

/// The key of all partitions of one operator: 32 bytes, drawn once, kept as long as the store.
///
/// # Security
/// With it and the store one can test whether a number is a customer. It never prints and is wiped when
/// dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Pepper([u8; 32]);

impl Pepper {
    /// A fresh pepper.
    #[must_use]
    pub fn new(rng: &dyn Rng) -> Self {
        let mut bytes = [0; 32];
        rng.fill(&mut bytes);
        Self(bytes)
    }

    /// The pepper with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The pepper's bytes, to be stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The partition of `party`.
    #[must_use]
    pub fn partition(&self, party: &Party) -> Partition {
        self.tag(&party.to_bytes())
    }

    /// The partition of one device alone; for a party's first device, that of the party.
    #[must_use]
    pub fn device_partition(&self, address: &Address) -> Partition {
        match address.device() {
            DeviceId::PRIMARY => self.partition(address.party()),
            _ => self.tag(&address.to_bytes()),
        }
    }

    fn tag(&self, bytes: &[u8]) -> Partition {
        without_trace::<HASHING_STACK_BYTES, _>(|| self.tagged(bytes))
    }

    fn tagged(&self, bytes: &[u8]) -> Partition {
        let mut key = [0; 64];
        key[..32].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&key.into());
        key.zeroize();
        mac.update(bytes);
        let tag = mac.finalize().into_bytes();
        let mut partition = [0; 16];
        partition.copy_from_slice(&tag[..16]);
        Partition(partition)
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Number, PhoneNumberId};

    #[test]
    #[cfg(target_os = "linux")]
    fn no_number_and_no_pepper_is_left_on_the_stack() {
        use crate::stack_wiping::tests::left_on_the_stack;

        let (number, pepper) = ("16505551234", Pepper::from_bytes(*b"thirty-two bytes nobody else has"));
        let user = Party::User(Number::parse(number).unwrap());
        let padded = |pad| -> Vec<u8> { pepper.as_bytes().iter().map(|byte| byte ^ pad).collect() };
        let mut unwiped = 0;
        for secret in [number.as_bytes(), &padded(0)[..12], &padded(0x36)[..12], &padded(0x5c)[..12]] {
            assert_eq!(left_on_the_stack(secret, || pepper.partition(&user)), 0);
            unwiped += left_on_the_stack(secret, || pepper.tagged(&user.to_bytes()));
        }
        // Elsewhere the compiler may leave nothing by itself.
        assert!(unwiped > 0 || !cfg!(target_arch = "x86_64"), "what is left is not seen");
    }

    #[test]
    fn a_tag_depends_on_the_pepper_and_on_the_party() {
        let user = Party::User(Number::parse("16505551234").unwrap());
        let other = Party::Business(PhoneNumberId::new(16_505_551_234));
        let pepper = Pepper::from_bytes([1; 32]);
        assert_eq!(pepper.partition(&user), pepper.partition(&user));
        assert_ne!(pepper.partition(&user), pepper.partition(&other));
        assert_ne!(pepper.partition(&user), Pepper::from_bytes([2; 32]).partition(&user));
    }

    #[test]
    fn devices_of_one_party_have_partitions_of_their_own() {
        let user = Party::User(Number::parse("16505551234").unwrap());
        let pepper = Pepper::from_bytes([1; 32]);
        let of =
            |device| pepper.device_partition(&Address::new(user.clone(), DeviceId::new(device).unwrap()));
        assert_eq!(of(1), pepper.partition(&user));
        assert!(of(2) != of(1) && of(2) != of(3));
    }

    #[test]
    fn the_tag_is_hmac_sha256_of_the_party() {
        // HMAC-SHA-256(key = 32 × 0x01, "u16505551234"), computed with an independent implementation.
        let user = Party::User(Number::parse("16505551234").unwrap());
        let tag = Pepper::from_bytes([1; 32]).partition(&user);
        assert_eq!(hex::encode(tag.as_bytes()), EXPECTED_TAG);
    }

    #[test]
    fn traces_show_four_bytes_of_a_partition() {
        let bytes = std::array::from_fn(|place| u8::try_from(place).unwrap());
        assert_eq!(Partition::from_bytes(bytes).tag(), "00010203");
    }

    const EXPECTED_TAG: &str = "7b0305df80f53e0143d97ed6ac731dfc";

    #[test]
    fn a_pepper_does_not_print() {
        assert_eq!(format!("{:?}", Pepper::from_bytes([7; 32])), "Pepper(…)");
    }
}
