//! Thirty-two bytes that must not be seen.

use std::fmt;
use std::sync::OnceLock;

use bulla_base::{HASHING_STACK_BYTES, Rng, without_trace};
use hmac::digest::{FixedOutput, Key};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A key or a salt: wiped when dropped, never printed.
///
/// It has a place of its own in memory and stays there: a map, a queue or a list that moves what it holds
/// would leave copies behind that nobody wipes.
pub(crate) struct Secret(Box<Keyed>);

struct Keyed {
    bytes: [u8; Secret::BYTES],
    /// HMAC under the secret, made when it is first asked for; most are never. It wipes itself.
    keyed: OnceLock<Box<Hmac<Sha256>>>,
}

impl Secret {
    pub(crate) const BYTES: usize = 32;

    /// Takes the bytes over; what was handed in is wiped.
    pub(crate) fn from_bytes(mut bytes: [u8; Self::BYTES]) -> Self {
        let secret = Self::copied(&bytes);
        bytes.zeroize();
        secret
    }

    pub(crate) fn draw(rng: &dyn Rng) -> Self {
        let mut secret = Self::zero();
        rng.fill(&mut secret.0.bytes);
        secret
    }

    /// The secret that follows from this one under `label`: HKDF-Expand with SHA-256 (RFC 5869, section 2.3),
    /// of which the first block is one HMAC that cannot fail.
    pub(crate) fn derive(&self, label: &[u8]) -> Self {
        without_trace::<HASHING_STACK_BYTES, _>(|| self.derived(label))
    }

    fn derived(&self, label: &[u8]) -> Self {
        let mut mac = self.keyed().clone();
        mac.update(label);
        mac.update(&[1]);
        let mut derived = Self::zero();
        mac.finalize_into((&mut derived.0.bytes).into());
        derived
    }

    /// HMAC with SHA-256 under this secret.
    ///
    /// # Cost
    /// Two blocks of SHA-256 the first time, nothing from then on.
    pub(crate) fn keyed(&self) -> &Hmac<Sha256> {
        self.0.keyed.get_or_init(|| {
            let mut block = Key::<Hmac<Sha256>>::default();
            for (byte, of) in block.iter_mut().zip(self.expose()) {
                *byte = *of;
            }
            let mac = Box::new(Hmac::<Sha256>::new(&block));
            block.as_mut_slice().zeroize();
            mac
        })
    }

    pub(crate) fn expose(&self) -> &[u8; Self::BYTES] {
        &self.0.bytes
    }

    fn copied(bytes: &[u8; Self::BYTES]) -> Self {
        let mut secret = Self::zero();
        secret.0.bytes.copy_from_slice(bytes);
        secret
    }

    fn zero() -> Self {
        Self(Box::new(Keyed { bytes: [0; Self::BYTES], keyed: OnceLock::new() }))
    }
}

impl Clone for Secret {
    fn clone(&self) -> Self {
        Self::copied(&self.0.bytes)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.bytes.zeroize();
    }
}

impl ZeroizeOnDrop for Secret {}

// HMAC is kept in what the hash is kept in, and that wipes itself in one feature of its crate only.
const _: fn() = || {
    const fn wipes_itself<T: ZeroizeOnDrop>() {}
    wipes_itself::<Sha256>();
};

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, VecDeque};

    use hkdf::Hkdf;

    use super::*;

    #[test]
    fn derived_secret_is_what_hkdf_expands_to() {
        let mut expected = [0; 32];
        Hkdf::<Sha256>::from_prk(&[7; 32]).unwrap().expand(b"label", &mut expected).unwrap();
        assert_eq!(*Secret::from_bytes([7; 32]).derive(b"label").expose(), expected);
    }

    #[test]
    fn a_secret_is_set_up_once_and_a_copy_for_itself() {
        let secret = Secret::from_bytes([7; 32]);
        assert!(std::ptr::eq(secret.keyed(), secret.keyed()));
        let copy = secret.clone();
        assert!(copy.0.keyed.get().is_none());
        assert_eq!(copy.derive(b"label").expose(), secret.derive(b"label").expose());
    }

    /// The salt of an erased conversation stood in its bucket of the map until another took it, and keys of
    /// hours that were over in what a queue had outgrown.
    #[test]
    fn a_secret_stays_in_its_place_whoever_moves_it() {
        let secret = Secret::from_bytes([7; 32]);
        let place = secret.expose().as_ptr();
        let mut map = HashMap::from([(1, secret)]);
        map.extend((2..1000).map(|number| (number, Secret::from_bytes([8; 32]))));
        let mut queue = VecDeque::from([map.remove(&1).unwrap()]);
        queue.extend(map.into_values());
        let moved = queue.pop_front().unwrap();
        assert_eq!((moved.expose().as_ptr(), *moved.expose()), (place, [7; 32]));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn secret_that_another_is_derived_from_is_not_left_on_the_stack() {
        use crate::stack_inspection::{after, holds};

        // Two of the same, because a secret is set up but once.
        let [first, second] = [(); 2].map(|()| Secret::from_bytes(*b"thirty-two bytes nobody else has"));
        let padded = [0, 0x36, 0x5c].map(|pad| first.expose().map(|byte| byte ^ pad));
        let wiped = after(|| first.derive(b"label"));
        assert!(padded.iter().all(|secret| !holds(&wiped, secret)));
        let unwiped = after(|| second.derived(b"label"));
        // Elsewhere the compiler may leave nothing by itself.
        let seen = padded.iter().any(|secret| holds(&unwiped, secret));
        assert!(seen || !cfg!(target_arch = "x86_64"), "what is left is not seen");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_secret_is_gone_when_it_is_dropped() {
        use std::fs::File;
        use std::hint::black_box;
        use std::os::unix::fs::FileExt;

        /// What stands where these bytes stood, once `owner` has given them back. The allocator writes to the
        /// beginning of what it got back and hands it to nobody before this thread asks for as much again.
        fn left_by<T>(owner: T, bytes: impl Fn(&T) -> &[u8]) -> [u8; 32] {
            let (at, mut left) = (bytes(&owner).as_ptr().addr(), [0; 32]);
            let memory = File::open("/proc/self/mem").unwrap();
            black_box(&owner);
            drop(owner);
            memory.read_exact_at(&mut left, at as u64).unwrap();
            left
        }
        let holds = |left: [u8; 32]| left.windows(4).any(|bytes| bytes == [0xa7; 4]);
        let plain = Box::new([0xa7; size_of::<Keyed>()]);
        assert!(holds(left_by(plain, |plain| &plain[16..])), "what is left is not seen");
        assert!(!holds(left_by(Secret::from_bytes([0xa7; 32]), |secret| secret.expose())));
    }

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Secret::from_bytes([7; 32])), "Secret(…)");
    }
}
