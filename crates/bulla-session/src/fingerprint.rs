//! Safety numbers: what two people compare to know that nobody stands between them.

use std::fmt::Write as _;

use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::error::ProtobufError;
use crate::identity::IdentityKey;
use crate::limits::MAX_FINGERPRINT_ITERATIONS;
use crate::protobuf::{Fields, bytes_len, put_bytes, put_bytes_header, put_uint32};

/// Why there is no fingerprint, or none to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// The number of rounds is out of range.
    #[error("{found} iterations are not between 2 and {most}")]
    Iterations {
        /// The number given.
        found: u32,
        /// The most allowed.
        most: u32,
    },
    /// What was scanned is not a protocol buffer.
    #[error("the scanned fingerprint is malformed")]
    Protobuf(#[from] ProtobufError),
    /// What was scanned is not a fingerprint.
    #[error("the scanned fingerprint lacks its {field}")]
    Missing {
        /// The field that is absent or of the wrong length.
        field: &'static str,
    },
    /// The other side uses another version: one of the two has to be updated.
    #[error("the scanned fingerprint has version {theirs}, ours has {ours}")]
    Version {
        /// Our version.
        ours: u32,
        /// The version scanned.
        theirs: u32,
    },
}

/// The fingerprint of two parties' identities, as one of them sees it.
///
/// Two are equal when they are of the same two parties, whichever of them sees it: then both show the same
/// digits.
#[derive(Clone, Debug)]
pub struct Fingerprint {
    version: u32,
    local: [u8; 32],
    remote: [u8; 32],
}

impl Fingerprint {
    /// Rounds as every deployed client hashes them.
    pub const ITERATIONS: u32 = 5200;

    /// Hashes both parties' names and keys.
    ///
    /// Version 1 names parties by phone number in text, version 2 by their account's UUID in 16 bytes.
    ///
    /// # Errors
    ///
    /// [`FingerprintError::Iterations`] unless there are 2 to 1 000 000 of them.
    ///
    /// # Cost
    ///
    /// About 5 ms with [`ITERATIONS`](Self::ITERATIONS).
    pub fn new(
        iterations: u32,
        version: u32,
        local: (&[u8], &IdentityKey),
        remote: (&[u8], &IdentityKey),
    ) -> Result<Self, FingerprintError> {
        if !(2..=MAX_FINGERPRINT_ITERATIONS).contains(&iterations) {
            return Err(FingerprintError::Iterations { found: iterations, most: MAX_FINGERPRINT_ITERATIONS });
        }
        Ok(Self { version, local: hash(iterations, local), remote: hash(iterations, remote) })
    }

    /// The 60 digits to compare, the same for both parties.
    #[must_use]
    pub fn digits(&self) -> String {
        let (local, remote) = (digits(&self.local), digits(&self.remote));
        // In order, or each side would read its own half first and find another number.
        if local <= remote { local + &remote } else { remote + &local }
    }

    /// The bytes of the code to be scanned by the other party.
    #[must_use]
    pub fn scannable(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(80);
        put_uint32(&mut out, 1, self.version);
        for (field, hash) in [(2, &self.local), (3, &self.remote)] {
            put_bytes_header(&mut out, field, bytes_len(hash.len()));
            put_bytes(&mut out, 1, hash);
        }
        out
    }

    /// Whether the code scanned from the other party shows the same two keys, the other way round.
    ///
    /// # Errors
    ///
    /// [`FingerprintError`] if it is no such code, or of another version.
    pub fn matches(&self, scanned: &[u8]) -> Result<bool, FingerprintError> {
        let (mut version, mut local, mut remote) = (None, None, None);
        let mut fields = Fields::new(scanned);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => version = Some(field.uint32()?),
                2 => local = content(field.bytes()?)?,
                3 => remote = content(field.bytes()?)?,
                _ => {}
            }
        }
        let theirs = version.ok_or(FingerprintError::Missing { field: "version" })?;
        if theirs != self.version {
            return Err(FingerprintError::Version { ours: self.version, theirs });
        }
        let local = local.ok_or(FingerprintError::Missing { field: "own hash" })?;
        let remote = remote.ok_or(FingerprintError::Missing { field: "other hash" })?;
        // Crossed over: what is ours is the other's in the code of the other. Both are compared, whatever
        // the first comes to.
        Ok((self.local.as_slice().ct_eq(remote) & self.remote.as_slice().ct_eq(local)).into())
    }
}

/// In constant time.
impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        let Self { version, local, remote } = self;
        let as_we_see_it = local.ct_eq(&other.local) & remote.ct_eq(&other.remote);
        let as_they_see_it = local.ct_eq(&other.remote) & remote.ct_eq(&other.local);
        (version.ct_eq(&other.version) & (as_we_see_it | as_they_see_it)).into()
    }
}

impl Eq for Fingerprint {}

fn content(bytes: &[u8]) -> Result<Option<&[u8]>, FingerprintError> {
    let mut content = None;
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next()? {
        if field.number == 1 {
            content = Some(field.bytes()?).filter(|hash| hash.len() == 32);
        }
    }
    Ok(content)
}

/// The first half of the last hash, which is all that is ever shown.
fn hash(iterations: u32, (name, key): (&[u8], &IdentityKey)) -> [u8; 32] {
    let key = key.to_bytes();
    let mut hash: [u8; 64] = Sha512::new()
        .chain_update([0, 0])
        .chain_update(key)
        .chain_update(name)
        .chain_update(key)
        .finalize()
        .into();
    // The hash above was the first round.
    for _ in 1..iterations {
        hash = Sha512::new().chain_update(hash).chain_update(key).finalize().into();
    }
    let mut half = [0; 32];
    half.copy_from_slice(&hash[..32]);
    half
}

/// Six groups of five digits.
fn digits(hash: &[u8; 32]) -> String {
    let (groups, _) = hash[..30].as_chunks::<5>();
    let mut out = String::with_capacity(60);
    for group in groups {
        let number = group.iter().fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
        // Writing to a string does not fail.
        let _ = write!(out, "{:05}", number % 100_000);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::PublicKey;

    #[test]
    fn a_code_with_one_of_the_two_keys_is_not_the_other_side() {
        let [alice, bob, mallory] = [1, 2, 3].map(|key| IdentityKey::from(PublicKey::from_raw([key; 32])));
        let seen =
            |(own, name), (other, called)| Fingerprint::new(2, 2, (name, own), (called, other)).unwrap();
        let (a, b): (&[u8], &[u8]) = (b"a", b"b");
        let ours = seen((&alice, a), (&bob, b));
        assert_eq!(ours.matches(&seen((&bob, b), (&alice, a)).scannable()), Ok(true));
        assert_eq!(ours.matches(&seen((&bob, b), (&mallory, a)).scannable()), Ok(false));
        assert_eq!(ours.matches(&seen((&mallory, b), (&alice, a)).scannable()), Ok(false));
    }

    #[test]
    fn fingerprints_are_equal_on_both_sides_and_differ_when_a_key_a_name_or_the_version_does() {
        let [alice, bob, mallory] = [1, 2, 3].map(|key| IdentityKey::from(PublicKey::from_raw([key; 32])));
        let seen = |version, own, other| Fingerprint::new(2, version, own, other).unwrap();
        let (a, b): ((&[u8], _), (&[u8], _)) = ((b"a", &alice), (b"b", &bob));
        let ours = seen(1, a, b);
        for same in [seen(1, a, b), seen(1, b, a)] {
            assert_eq!(ours, same);
            assert_eq!(ours.digits(), same.digits());
        }
        for (own, other) in
            [(a, (&b"b"[..], &mallory)), ((b"a", &mallory), b), (a, (b"c", &bob)), (a, a), (b, b)]
        {
            assert_ne!(ours, seen(1, own, other));
            assert_ne!(ours, seen(1, other, own));
        }
        assert_ne!(ours, seen(2, a, b));
    }

    #[test]
    fn a_code_of_another_version_or_without_a_hash_is_refused() {
        let key = IdentityKey::from(PublicKey::from_raw([1; 32]));
        let of = |version| Fingerprint::new(2, version, (b"a", &key), (b"b", &key)).unwrap();
        for (ours, theirs) in [(1, 2), (2, 1)] {
            let refused = FingerprintError::Version { ours, theirs };
            assert_eq!(of(ours).matches(&of(theirs).scannable()), Err(refused));
        }
        let scannable = of(1).scannable();
        let missing = |field| Err(FingerprintError::Missing { field });
        assert_eq!(of(1).matches(&scannable[2..]), missing("version"));
        assert_eq!(of(1).matches(&scannable[..2]), missing("own hash"));
        assert_eq!(of(1).matches(&scannable[..38]), missing("other hash"));
    }
}
