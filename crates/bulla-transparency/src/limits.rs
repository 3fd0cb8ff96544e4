//! What a log, a proof and a file can be too much of.

/// The most leaves of a log: 2⁶³ − 1, so that a size fits the signed integers of any database, and a proof
/// 64 hashes. A log with so many is full; a size beyond it is refused wherever it is read.
pub const MAX_LOG_LEAVES: u64 = (1 << 63) - 1;

/// The most hashes of a proof, which a log within [`MAX_LOG_LEAVES`] never takes more of. How many one has is
/// given by the sizes it is between; bytes with more or fewer are refused.
pub const MAX_PROOF_HASHES: usize = 64;

/// The longest name of a log, in bytes. A longer one is refused: the origin stands in each checkpoint twice.
pub const MAX_ORIGIN_BYTES: usize = 128;

/// The most signatures of a checkpoint, of the log and of whoever signed it too. A checkpoint with more is
/// refused as a whole. The specification demands that 16 are taken.
pub const MAX_SIGNATURES: usize = 16;

/// The largest checkpoint, in bytes: 128 KiB. A larger one is refused unread. 16 signatures of the longest
/// kind that the specification speaks of, 5 kB, take some 110 KiB in Base64; one of ours takes about 300
/// bytes.
pub const MAX_CHECKPOINT_BYTES: usize = 128 << 10;

/// How many bytes a signed head has in its shortest form: its size, its root, and a signature. Bytes with
/// more or fewer are none.
pub const SIGNED_HEAD_BYTES: usize = 8 + 32 + 64;

/// The largest file of evidence, in bytes: two checkpoints, and 8 KiB for a proof and what is between them. A
/// larger one is refused unread.
pub const MAX_EVIDENCE_BYTES: usize = 2 * MAX_CHECKPOINT_BYTES + (8 << 10);

/// How much of the stack is overwritten after a checkpoint was signed, in bytes: to do it costs a few
/// hundredths of a signature.
pub(crate) const SIGNING_STACK_BYTES: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sides that know another bound refuse each other's logs.
    #[test]
    fn the_bounds_are_those_that_are_documented() {
        assert_eq!((MAX_LOG_LEAVES, MAX_PROOF_HASHES), (9_223_372_036_854_775_807, 64));
        assert_eq!((MAX_ORIGIN_BYTES, MAX_SIGNATURES), (128, 16));
        assert_eq!((MAX_CHECKPOINT_BYTES, MAX_EVIDENCE_BYTES), (131_072, 270_336));
        assert_eq!(SIGNED_HEAD_BYTES, 104);
    }
}
