use std::fmt;

use bulla_base::Rng;
use zeroize::Zeroizing;

use crate::BlobError;

/// What a blob is known by: 32 random bytes, drawn by who uploads it.
///
/// # Security
/// To know it is the right to read. It is a secret of the conversation: it travels inside the sealed message,
/// does not print, and is wiped. A carrier keeps what a hash makes of it.
#[derive(Clone, PartialEq, Eq)]
pub struct BlobId(Zeroizing<[u8; 32]>);

impl BlobId {
    /// A new one, from `rng`.
    #[must_use]
    pub fn new(rng: &dyn Rng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill(&mut *bytes);
        Self(bytes)
    }

    /// The one with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The one that `locator` names: what stands in a message's pointer to its attachment.
    ///
    /// # Errors
    /// When it is not 64 lower-case hexadecimal digits.
    pub fn from_locator(locator: &str) -> Result<Self, BlobError> {
        let invalid = BlobError::Invalid { field: "blob" };
        let digits = locator.as_bytes();
        if digits.len() != 64 {
            return Err(invalid);
        }
        let mut bytes = Zeroizing::new([0; 32]);
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let (Some(high), Some(low)) = (nibble(pair[0]), nibble(pair[1])) else { return Err(invalid) };
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }

    /// The name of it in a message's pointer: 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn locator(&self) -> Zeroizing<String> {
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
        Zeroizing::new(self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobId(…)")
    }
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::SeededRng;

    use super::*;

    #[test]
    fn an_id_comes_back_from_its_locator_and_does_not_print() {
        let id = BlobId::new(&SeededRng::new(1));
        let locator = id.locator();
        assert_eq!(BlobId::from_locator(&locator).unwrap(), id);
        assert_eq!(BlobId::from_bytes(*id.as_bytes()), id);
        assert_eq!(*BlobId::from_bytes([0x1f; 32]).locator(), "1f".repeat(32));
        assert_eq!(format!("{id:?}"), "BlobId(…)");
    }

    #[test]
    fn what_is_no_locator_is_refused() {
        let good = "0a".repeat(32);
        for bad in
            ["", &good.replacen("0a", "0", 1), &format!("{good}0"), &good.to_uppercase(), &"é".repeat(32)]
        {
            let refused = BlobId::from_locator(bad).unwrap_err();
            assert!(matches!(refused, BlobError::Invalid { field: "blob" }), "{bad}");
        }
    }
}
