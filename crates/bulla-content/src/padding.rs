//! 0x80, then zeros up to a multiple of [`PADDING_STEP`]. At least one byte is added.

use crate::{InvalidContent, MAX_PLAINTEXT_BYTES, PADDING_STEP};

const MARK: u8 = 0x80;

/// How long `length` bytes are once padded.
pub(crate) const fn padded(length: usize) -> usize {
    (length + 1).next_multiple_of(PADDING_STEP)
}

pub(crate) fn pad(plaintext: &mut Vec<u8>) {
    let length = padded(plaintext.len());
    plaintext.push(MARK);
    plaintext.resize(length, 0);
}

pub(crate) fn unpad(plaintext: &[u8]) -> Result<&[u8], InvalidContent> {
    InvalidContent::at_most("content", "bytes", MAX_PLAINTEXT_BYTES, plaintext.len())?;
    let end = plaintext.iter().rposition(|byte| *byte != 0).ok_or(InvalidContent::Malformed)?;
    // Exactly the one length that padding gives is read, so that a content has one encoding.
    if plaintext[end] == MARK && padded(end) == plaintext.len() {
        Ok(&plaintext[..end])
    } else {
        Err(InvalidContent::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_comes_off_as_it_went_on() {
        for length in [0, 1, 254, 255, 256, 511, 512] {
            let original = vec![0x80; length];
            let mut padded = original.clone();
            pad(&mut padded);
            assert_eq!(padded.len() % PADDING_STEP, 0);
            assert_eq!(unpad(&padded).unwrap(), original);
        }
    }

    #[test]
    fn other_paddings_are_refused() {
        let mut padded = vec![1; 10];
        pad(&mut padded);
        assert!(unpad(&padded[..255]).is_err());
        assert!(unpad(&[&padded[..], &[0; 256]].concat()).is_err());
        assert!(unpad(&[0; 256]).is_err());
        assert!(unpad(&[]).is_err());
    }

    #[test]
    fn the_longest_plaintext_is_read_and_one_step_more_is_not() {
        let mut longest = vec![1; MAX_PLAINTEXT_BYTES - 1];
        pad(&mut longest);
        assert_eq!(longest.len(), MAX_PLAINTEXT_BYTES);
        assert!(unpad(&longest).is_ok());
        let mut longer = vec![1; MAX_PLAINTEXT_BYTES];
        pad(&mut longer);
        assert!(matches!(unpad(&longer), Err(InvalidContent::TooLong { .. })));
    }
}
