//! A signed head in its shortest form.

use crate::checkpoint::NoteSignature;
use crate::error::InvalidForm;
use crate::limits::SIGNED_HEAD_BYTES;
use crate::{Head, LogKey, SignedCheckpoint};

/// A checkpoint with the one signature that counts, in 104 bytes: for who knows the log's key, and with it
/// the name of the log. It is what the parties to a conversation exchange inside sealed content: a head that
/// comes with the log's signature is evidence at once, while one that was only told is the word of its
/// sender.
///
/// ```text
///   head        as Head has it      40 bytes
///   signature   Ed25519             64 bytes    over the text of the checkpoint
/// ```
impl SignedCheckpoint {
    /// Reads the shortest form of a checkpoint that the log with this key may have signed. Whether it has is
    /// told by [`SignedCheckpoint::verify`].
    ///
    /// # Errors
    /// When there are not exactly [`SIGNED_HEAD_BYTES`], or as for [`Head::new`].
    pub fn from_signed_head(key: &LogKey, bytes: &[u8]) -> Result<Self, InvalidForm> {
        let (expected, actual) = (SIGNED_HEAD_BYTES, bytes.len());
        let wrong = InvalidForm::Length { field: "bytes of a signed head", expected, actual };
        let bytes: &[u8; SIGNED_HEAD_BYTES] = bytes.try_into().map_err(|_| wrong.clone())?;
        let (head, signature) = bytes.split_last_chunk::<64>().ok_or(wrong)?;
        let signature = NoteSignature::new(key, signature);
        Ok(Self::signed(key.origin().clone(), Head::from_bytes(head)?, signature))
    }

    /// The shortest form, with the first signature that names this key. `None` if none does, or it is no
    /// Ed25519 signature.
    #[must_use]
    pub fn to_signed_head(&self, key: &LogKey) -> Option<[u8; SIGNED_HEAD_BYTES]> {
        let signature = self.signature_of(key)?;
        let mut bytes = [0; SIGNED_HEAD_BYTES];
        bytes[..Head::BYTES].copy_from_slice(&self.unverified_head().to_bytes());
        bytes[Head::BYTES..].copy_from_slice(signature);
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::SeededRng;

    use super::*;
    use crate::{LogSigner, NotSigned, Origin, TreeHash};

    fn signer(seed: u64) -> LogSigner {
        LogSigner::generate(Origin::parse("carrier.example/keys").unwrap(), &SeededRng::new(seed))
    }

    #[test]
    fn a_signed_head_is_the_checkpoint_again_for_who_has_the_key() {
        let signer = signer(1);
        let checkpoint = signer.sign(&Head::new(7, TreeHash::of_leaf(b"a")).unwrap());
        let bytes = checkpoint.to_signed_head(signer.public()).unwrap();
        assert_eq!(bytes.len(), 104);
        let read = SignedCheckpoint::from_signed_head(signer.public(), &bytes).unwrap();
        assert_eq!(read, checkpoint);
        assert_eq!(read.verify(signer.public()), checkpoint.verify(signer.public()));
    }

    #[test]
    fn a_changed_byte_anywhere_is_no_signed_head() {
        let signer = signer(1);
        let checkpoint = signer.sign(&Head::new(7, TreeHash::of_leaf(b"a")).unwrap());
        let bytes = checkpoint.to_signed_head(signer.public()).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes;
            changed[place] ^= 1;
            let read = SignedCheckpoint::from_signed_head(signer.public(), &changed);
            assert!(read.is_err() || read.unwrap().verify(signer.public()).is_err(), "byte {place}");
        }
    }

    #[test]
    fn other_lengths_and_other_keys_are_refused_by_name() {
        let (ours, other) = (signer(1), signer(2));
        let checkpoint = ours.sign(&Head::new(7, TreeHash::of_leaf(b"a")).unwrap());
        let bytes = checkpoint.to_signed_head(ours.public()).unwrap();
        for length in [0, 40, 103, 105] {
            let wrong =
                InvalidForm::Length { field: "bytes of a signed head", expected: 104, actual: length };
            let resized: Vec<u8> = bytes.iter().copied().chain([0]).take(length).collect();
            assert_eq!(SignedCheckpoint::from_signed_head(ours.public(), &resized), Err(wrong));
        }
        assert_eq!(checkpoint.to_signed_head(other.public()), None);
        let read = SignedCheckpoint::from_signed_head(other.public(), &bytes).unwrap();
        assert_eq!(read.verify(other.public()), Err(NotSigned::WrongSignature));
    }
}
