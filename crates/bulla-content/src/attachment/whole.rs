use bulla_base::Rng;

use super::{AttachmentError, AttachmentPointer, Checker, Sealed, Sealer};

/// Seals `plaintext` whole, when it is in memory anyway: the sealed bytes, and what the message says of them.
///
/// # Errors
/// As [`Sealer::new`].
pub fn seal(plaintext: &[u8], rng: &dyn Rng) -> Result<(Vec<u8>, Sealed), AttachmentError> {
    let mut sealer = Sealer::new(plaintext.len() as u64, rng)?;
    let mut sealed = Vec::with_capacity(usize::try_from(sealer.sealed_bytes()).unwrap_or(0));
    let mut rest = plaintext;
    while let Some(chunk) = sealer.push(&mut rest)? {
        sealed.extend_from_slice(chunk);
    }
    Ok((sealed, sealer.finish()?))
}

/// The plaintext of `sealed`, all of what `pointer` leads to, when it is in memory anyway. Memory for it is
/// taken when its digest was found right.
///
/// # Errors
/// As [`Checker::push`] and [`finish`](Checker::finish), and as [`Opener::push`](super::Opener::push).
pub fn open(pointer: &AttachmentPointer, sealed: &[u8]) -> Result<Vec<u8>, AttachmentError> {
    let mut checker = Checker::new(pointer);
    checker.push(sealed)?;
    let mut opener = checker.finish()?;
    let mut plaintext = Vec::with_capacity(usize::try_from(opener.size()).unwrap_or(0));
    let mut rest = sealed;
    while let Some(part) = opener.push(&mut rest)? {
        plaintext.extend_from_slice(part);
    }
    opener.finish()?;
    Ok(plaintext)
}
