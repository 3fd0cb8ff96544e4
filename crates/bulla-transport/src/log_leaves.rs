use bulla_envelope::InvalidEnvelope;
use bytes::Bytes;

use crate::limits::{MAX_LOG_LEAF_BYTES, MAX_LOG_LEAVES_AT_ONCE};

/// Leaves of a carrier's log of keys, in their order. They are checked by who asked for them, against a head
/// that the log has signed; here they are bytes within their limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogLeaves(Vec<Bytes>);

impl LogLeaves {
    /// These leaves.
    ///
    /// # Errors
    /// When there are more than [`MAX_LOG_LEAVES_AT_ONCE`](crate::MAX_LOG_LEAVES_AT_ONCE), or one is empty or
    /// longer than [`MAX_LOG_LEAF_BYTES`](crate::MAX_LOG_LEAF_BYTES).
    pub fn new(leaves: Vec<Bytes>) -> Result<Self, InvalidEnvelope> {
        let (actual, limit) = (leaves.len(), MAX_LOG_LEAVES_AT_ONCE);
        if actual > limit {
            return Err(InvalidEnvelope::TooLarge { field: "leaves of the log at once", actual, limit });
        }
        let field = "leaf of the log (bytes)";
        for leaf in &leaves {
            match leaf.len() {
                0 => return Err(InvalidEnvelope::Field { field }),
                actual if actual > MAX_LOG_LEAF_BYTES => {
                    return Err(InvalidEnvelope::TooLarge { field, actual, limit: MAX_LOG_LEAF_BYTES });
                }
                _ => {}
            }
        }
        Ok(Self(leaves))
    }

    /// The leaves.
    #[must_use]
    pub fn as_slice(&self) -> &[Bytes] {
        &self.0
    }

    /// The leaves, to keep.
    #[must_use]
    pub fn into_vec(self) -> Vec<Bytes> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_taken_up_to_their_limits() {
        let of = |count: usize, bytes: usize| LogLeaves::new(vec![Bytes::from(vec![1; bytes]); count]);
        assert!(of(0, 0).unwrap().as_slice().is_empty());
        let most = of(MAX_LOG_LEAVES_AT_ONCE, MAX_LOG_LEAF_BYTES).unwrap();
        assert_eq!(most.into_vec().len(), MAX_LOG_LEAVES_AT_ONCE);
        let (field, limit) = ("leaves of the log at once", MAX_LOG_LEAVES_AT_ONCE);
        let too_large = InvalidEnvelope::TooLarge { field, actual: limit + 1, limit };
        assert_eq!(of(limit + 1, 1), Err(too_large));
        let (field, limit) = ("leaf of the log (bytes)", MAX_LOG_LEAF_BYTES);
        let too_large = InvalidEnvelope::TooLarge { field, actual: limit + 1, limit };
        assert_eq!(of(1, limit + 1), Err(too_large));
        assert_eq!(of(1, 0), Err(InvalidEnvelope::Field { field }));
    }
}
