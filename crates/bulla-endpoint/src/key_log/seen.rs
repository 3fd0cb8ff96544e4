use bulla_transparency::{Head, LogKey, NotSigned, SignedCheckpoint};

use super::SignedHead;

/// A head that the log has signed.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) bytes: SignedHead,
    pub(super) head: Head,
    pub(super) checkpoint: SignedCheckpoint,
}

impl Seen {
    /// The head in `bytes`.
    ///
    /// # Errors
    /// When the log with this key has not signed it.
    ///
    /// # Cost
    /// Two multiplications on the curve.
    pub(super) fn verify(key: &LogKey, bytes: SignedHead) -> Result<Self, NotSigned> {
        // What is no head at all has no signature either.
        let read = SignedCheckpoint::from_signed_head(key, &bytes);
        let checkpoint = read.map_err(|_| NotSigned::WrongSignature)?;
        Ok(Self { bytes, head: checkpoint.verify(key)?, checkpoint })
    }
}
