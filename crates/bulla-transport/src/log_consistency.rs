use bulla_envelope::InvalidEnvelope;
use bytes::Bytes;

use crate::limits::{LOG_ROOT_BYTES, MAX_CONSISTENCY_BYTES};

/// What a carrier says of how its log of keys grew from one size to another. It is checked by who asked for
/// it; here it is bytes within their limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConsistency {
    old_root: Bytes,
    proof: Bytes,
}

impl LogConsistency {
    /// That the log had `old_root` at the older size, and the `proof` that it went on from there.
    ///
    /// # Errors
    /// When the root has not 32 bytes, or the proof is missing or longer than
    /// [`MAX_CONSISTENCY_BYTES`](crate::MAX_CONSISTENCY_BYTES).
    pub fn new(old_root: impl Into<Bytes>, proof: impl Into<Bytes>) -> Result<Self, InvalidEnvelope> {
        let (old_root, proof) = (old_root.into(), proof.into());
        if old_root.len() != LOG_ROOT_BYTES {
            return Err(InvalidEnvelope::Field { field: "root of the log" });
        }
        let field = "proof of the log (bytes)";
        match proof.len() {
            0 => Err(InvalidEnvelope::Field { field }),
            actual if actual > MAX_CONSISTENCY_BYTES => {
                Err(InvalidEnvelope::TooLarge { field, actual, limit: MAX_CONSISTENCY_BYTES })
            }
            _ => Ok(Self { old_root, proof }),
        }
    }

    /// The root that the log had at the older size, as the carrier says: 32 bytes.
    #[must_use]
    pub const fn old_root(&self) -> &Bytes {
        &self.old_root
    }

    /// The proof from that root to the one of the newer size.
    #[must_use]
    pub const fn proof(&self) -> &Bytes {
        &self.proof
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_taken_up_to_its_limit_and_a_root_as_long_as_it_is() {
        let of = |root: usize, proof: usize| LogConsistency::new(vec![1; root], vec![2; proof]);
        assert!(of(32, 1).is_ok() && of(32, MAX_CONSISTENCY_BYTES).is_ok());
        let (field, limit) = ("proof of the log (bytes)", MAX_CONSISTENCY_BYTES);
        let too_large = InvalidEnvelope::TooLarge { field, actual: limit + 1, limit };
        assert_eq!(of(32, MAX_CONSISTENCY_BYTES + 1), Err(too_large));
        assert_eq!(of(32, 0), Err(InvalidEnvelope::Field { field }));
        for root in [0, 31, 33] {
            assert_eq!(of(root, 1), Err(InvalidEnvelope::Field { field: "root of the log" }));
        }
    }
}
