//! An operator's word that business numbers are a relay's.

use std::fmt;

use bulla_base::{PhoneNumberId, Rng, Timestamp};
use bulla_envelope::InstallationId;
use bulla_transport::NumberProof;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::limits::MAX_GRANTED_NUMBERS;

/// What every grant begins with when it is signed: no signature made for anything else is one.
const CONTEXT: &[u8] = b"bulla number grant 1";

/// Who signs grants: the operator's key, which lies where relays are set up, and not with the carrier.
pub struct OperatorKey(Zeroizing<[u8; 32]>);

/// The public half of an [`OperatorKey`], which the carrier is set up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorPublicKey([u8; 32]);

/// That these business numbers are those of a relay, from a time on until another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberGrant {
    numbers: Vec<PhoneNumberId>,
    relay: Option<InstallationId>,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Why a grant is none, or not for who shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GrantError {
    /// It lists no number, or too many.
    #[error("a grant lists 1 to {limit} numbers, this one lists {actual}")]
    Numbers {
        /// How many it lists.
        actual: usize,
        /// The most it may.
        limit: usize,
    },
    /// The bytes are no grant.
    #[error("the bytes are no grant")]
    Malformed,
    /// It is not signed by the operator.
    #[error("the grant is not signed by the operator's key")]
    Signature,
}

impl OperatorKey {
    /// Draws a new one.
    #[must_use]
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill(&mut *key);
        Self::from_bytes(key)
    }

    /// The key with these bytes.
    #[must_use]
    pub fn from_bytes(mut key: Zeroizing<[u8; 32]>) -> Self {
        // As RFC 7748 has it (section 5), whatever was drawn.
        key[0] &= 0xF8;
        key[31] = (key[31] & 0x7F) | 0x40;
        Self(key)
    }

    /// The key's bytes. Whoever copies them wipes the copy.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> OperatorPublicKey {
        OperatorPublicKey(bulla_xeddsa::public_key(&self.0))
    }

    /// Signs `grant`: what a relay shows to register the numbers. 64 bytes are drawn of `rng`.
    ///
    /// # Errors
    /// [`GrantError::Numbers`].
    pub fn issue(&self, grant: &NumberGrant, rng: &dyn Rng) -> Result<NumberProof, GrantError> {
        let mut bytes = grant.to_bytes()?;
        let signature = bulla_xeddsa::sign(&self.0, &[CONTEXT, &bytes], &mut rng.draw());
        bytes.extend_from_slice(&signature);
        // It fits: the most numbers take less than a proof may.
        NumberProof::new(bytes).map_err(|_| GrantError::Malformed)
    }
}

impl OperatorPublicKey {
    /// The key with these bytes: the u-coordinate.
    #[must_use]
    pub const fn from_bytes(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The key's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl NumberGrant {
    /// A grant of `numbers` to whichever relay shows it, from `not_before` until `not_after`.
    ///
    /// # Errors
    /// [`GrantError::Numbers`] unless there are 1 to [`MAX_GRANTED_NUMBERS`].
    pub fn new(
        numbers: impl IntoIterator<Item = PhoneNumberId>,
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> Result<Self, GrantError> {
        let numbers = numbers.into_iter().take(MAX_GRANTED_NUMBERS + 1).collect();
        let grant = Self { numbers, relay: None, not_before, not_after };
        grant.count().map(|_| grant)
    }

    /// Reads what [`OperatorKey::issue`] has made, if `operator` has signed it.
    ///
    /// # Errors
    /// [`GrantError::Malformed`] or [`GrantError::Signature`].
    pub fn open(proof: &NumberProof, operator: &OperatorPublicKey) -> Result<Self, GrantError> {
        let (grant, signature) = proof.as_bytes().split_last_chunk().ok_or(GrantError::Malformed)?;
        if !bulla_xeddsa::verify(&operator.0, &[CONTEXT, grant], signature) {
            return Err(GrantError::Signature);
        }
        Self::from_bytes(grant).ok_or(GrantError::Malformed)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (not_before, bytes) = bytes.split_first_chunk()?;
        let (not_after, bytes) = bytes.split_first_chunk()?;
        let (relay, bytes) = match bytes.split_first()? {
            (0, bytes) => (None, bytes),
            (1, bytes) => {
                let (relay, bytes) = bytes.split_first_chunk()?;
                (Some(InstallationId::from_bytes(*relay)), bytes)
            }
            _ => return None,
        };
        let (count, numbers) = bytes.split_first()?;
        let (numbers, []) = numbers.as_chunks::<8>() else { return None };
        let numbers: Vec<_> =
            numbers.iter().map(|number| PhoneNumberId::new(u64::from_be_bytes(*number))).collect();
        let time = |bytes: &[u8; 8]| Timestamp::from_millis(u64::from_be_bytes(*bytes));
        let grant = Self { numbers, relay, not_before: time(not_before), not_after: time(not_after) };
        (grant.count().ok()? == *count).then_some(grant)
    }

    /// The same to the relay alone that has this installation for the number. Each of a relay's numbers has
    /// an identity of its own: such a grant is for one number.
    #[must_use]
    pub fn to_relay(self, relay: InstallationId) -> Self {
        Self { relay: Some(relay), ..self }
    }

    /// Whether it grants `number` to the installation `relay` at `now`.
    #[must_use]
    pub fn is_for(&self, number: PhoneNumberId, relay: InstallationId, now: Timestamp) -> bool {
        self.numbers.contains(&number)
            && self.relay.is_none_or(|granted| granted == relay)
            && (self.not_before..self.not_after).contains(&now)
    }

    fn count(&self) -> Result<u8, GrantError> {
        let (actual, limit) = (self.numbers.len(), MAX_GRANTED_NUMBERS);
        let count = u8::try_from(actual).ok().filter(|_| (1..=limit).contains(&actual));
        count.ok_or(GrantError::Numbers { actual, limit })
    }

    /// ```text
    /// not before (u64, ms) ‖ not after (u64, ms) ‖ 0, or 1 ‖ installation (16 bytes) ‖ count ‖ (number (u64))*
    /// ```
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, GrantError> {
        let mut bytes = self.not_before.as_millis().to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.not_after.as_millis().to_be_bytes());
        bytes.push(self.relay.is_some().into());
        bytes.extend(self.relay.iter().flat_map(|relay| relay.as_bytes()));
        bytes.push(self.count()?);
        bytes.extend(self.numbers.iter().flat_map(|number| number.number().to_be_bytes()));
        Ok(bytes)
    }
}

impl fmt::Debug for OperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::SeededRng;
    use bulla_transport::MAX_PROOF_BYTES;

    use super::*;

    const SHOP: PhoneNumberId = PhoneNumberId::new(7);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn grant(numbers: usize) -> Result<NumberGrant, GrantError> {
        NumberGrant::new((0..numbers).map(|n| PhoneNumberId::new(7 + n as u64)), at(10), at(20))
    }

    #[test]
    fn a_grant_comes_back_from_its_bytes_and_the_largest_fits_a_proof() {
        let (rng, relay) = (SeededRng::new(1), InstallationId::from_bytes([9; 16]));
        let operator = OperatorKey::generate(&rng);
        for numbers in [1, 2, MAX_GRANTED_NUMBERS] {
            for grant in [grant(numbers).unwrap(), grant(numbers).unwrap().to_relay(relay)] {
                let proof = operator.issue(&grant, &rng).unwrap();
                assert!(proof.as_bytes().len() <= MAX_PROOF_BYTES);
                assert_eq!(NumberGrant::open(&proof, &operator.public()).unwrap(), grant);
            }
        }
        for numbers in [0, MAX_GRANTED_NUMBERS + 1] {
            assert!(matches!(grant(numbers), Err(GrantError::Numbers { .. })));
        }
    }

    #[test]
    fn a_grant_is_for_its_numbers_its_relay_and_its_time() {
        let relay = InstallationId::from_bytes([9; 16]);
        let (any, one) = (grant(2).unwrap(), grant(2).unwrap().to_relay(relay));
        let other = InstallationId::from_bytes([8; 16]);
        assert!(any.is_for(SHOP, other, at(10)) && any.is_for(PhoneNumberId::new(8), relay, at(19)));
        assert!(one.is_for(SHOP, relay, at(15)) && !one.is_for(SHOP, other, at(15)));
        assert!(!any.is_for(PhoneNumberId::new(9), relay, at(15)));
        assert!(!any.is_for(SHOP, relay, at(9)) && !any.is_for(SHOP, relay, at(20)));
    }

    #[test]
    fn what_another_has_signed_or_somebody_has_changed_is_no_grant() {
        let rng = SeededRng::new(1);
        let (operator, other) = (OperatorKey::generate(&rng), OperatorKey::generate(&rng));
        let proof = operator.issue(&grant(2).unwrap(), &rng).unwrap();
        assert_eq!(NumberGrant::open(&proof, &other.public()), Err(GrantError::Signature));
        assert_eq!(NumberGrant::open(&NumberProof::none(), &operator.public()), Err(GrantError::Malformed));
        for at in 0..proof.as_bytes().len() {
            let mut spoilt = proof.as_bytes().to_vec();
            spoilt[at] ^= 1;
            let spoilt = NumberProof::new(spoilt).unwrap();
            assert!(NumberGrant::open(&spoilt, &operator.public()).is_err(), "{at}");
        }
        // What is signed all the same.
        for bytes in [&[][..], &[0; 17], &[2; 34]] {
            let signature =
                bulla_xeddsa::sign(operator.expose(), &[CONTEXT, bytes], &mut (&rng as &dyn Rng).draw());
            let proof = NumberProof::new([bytes, &signature].concat()).unwrap();
            assert_eq!(NumberGrant::open(&proof, &operator.public()), Err(GrantError::Malformed));
        }
    }
}
