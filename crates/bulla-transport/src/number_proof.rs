use std::fmt;

use bulla_envelope::InvalidEnvelope;
use zeroize::Zeroizing;

use crate::limits::MAX_PROOF_BYTES;

/// What a party shows to prove that a number is its own, such as a code that was sent to the number. What it
/// is, the carrier's operator decides.
///
/// # Security
/// A secret for as long as it is good: it does not print, and is wiped.
#[derive(Clone, Default)]
pub struct NumberProof(Zeroizing<Vec<u8>>);

impl NumberProof {
    /// No proof, for a carrier in the same program, which trusts its host.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The proof with these bytes.
    ///
    /// # Errors
    /// When there are more than [`MAX_PROOF_BYTES`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, InvalidEnvelope> {
        let (bytes, limit) = (Zeroizing::new(bytes), MAX_PROOF_BYTES);
        match bytes.len() {
            actual if actual > limit => {
                Err(InvalidEnvelope::TooLarge { field: "proof (bytes)", actual, limit })
            }
            _ => Ok(Self(bytes)),
        }
    }

    /// The proof's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for NumberProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NumberProof(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_has_a_kibibyte_and_not_one_byte_more_and_does_not_print() {
        let proof = NumberProof::new(vec![b'7'; MAX_PROOF_BYTES]).unwrap();
        assert_eq!(
            (proof.as_bytes().len(), format!("{proof:?}")),
            (MAX_PROOF_BYTES, "NumberProof(…)".to_owned())
        );
        assert!(NumberProof::new(vec![b'7'; MAX_PROOF_BYTES + 1]).is_err());
    }
}
