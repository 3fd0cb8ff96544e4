use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::error::InvalidForm;
use crate::{Origin, hex};

/// The byte that stands for Ed25519 in key ids and keys (C2SP signed-note).
const ED25519: u8 = 1;

/// The public key of a log, with its name: what everybody has who checks it.
///
/// Written as C2SP writes verifier keys, `name+id+key`: the id is the first four bytes of SHA-256(name ‖
/// newline ‖ 1 ‖ key) in hexadecimal, the key is Base64 of 1 ‖ key.
///
/// # Security
/// It has to come to the user from elsewhere than from the log, for instance with the program.
#[derive(Clone, PartialEq, Eq)]
pub struct LogKey {
    origin: Origin,
    key: VerifyingKey,
    id: [u8; 4],
}

impl LogKey {
    /// The key with these bytes (RFC 8032, section 5.1.2) of the log with this name.
    ///
    /// # Errors
    /// When the bytes are no point, not in their canonical form, or one of the few points of small order,
    /// under which a signature can be made for anything.
    pub fn new(origin: Origin, key: &[u8; 32]) -> Result<Self, InvalidForm> {
        let invalid = InvalidForm::Field { field: "key of the log", expected: "an Ed25519 public key" };
        match VerifyingKey::from_bytes(key) {
            Ok(key) if is_canonical(key.as_bytes()) && !key.is_weak() => Ok(Self::of(origin, key)),
            _ => Err(invalid),
        }
    }

    /// Reads the written form.
    ///
    /// # Errors
    /// When it does not have three parts, the name is none, the id is another than follows from name and key,
    /// or as for [`LogKey::new`].
    pub fn parse(text: &str) -> Result<Self, InvalidForm> {
        let invalid = InvalidForm::Field { field: "key of the log", expected: "name+id+key" };
        // Base64 has pluses of its own.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(invalid);
        };
        let origin = Origin::parse(name)?;
        if encoded.len() != 44 {
            let (expected, actual) = (44, encoded.len());
            return Err(InvalidForm::Length { field: "characters of the log's key", expected, actual });
        }
        let decoded = STANDARD.decode(encoded).map_err(|_| invalid.clone())?;
        let Some((&ED25519, key)) = decoded.split_first() else { return Err(invalid) };
        let key = Self::new(origin, key.try_into().map_err(|_| invalid)?)?;
        if id != hex::encode(&key.id) {
            return Err(InvalidForm::Field { field: "id of the log's key", expected: "what its bytes give" });
        }
        Ok(key)
    }

    pub(crate) fn of(origin: Origin, key: VerifyingKey) -> Self {
        let hash = Sha256::new()
            .chain_update(origin.as_str())
            .chain_update([b'\n', ED25519])
            .chain_update(key.as_bytes())
            .finalize();
        let id = [hash[0], hash[1], hash[2], hash[3]];
        Self { origin, key, id }
    }

    /// The name of its log.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The four bytes by which signatures name it.
    #[must_use]
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The key itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether it signed `text`. Strict: what has two forms is refused, so a signature cannot be changed.
    pub(crate) fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(text.as_bytes(), &signature).is_ok())
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut encoded = [ED25519; 33];
        encoded[1..].copy_from_slice(self.as_bytes());
        write!(f, "{}+{}+{}", self.origin, hex::encode(&self.id), STANDARD.encode(encoded))
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({self})")
    }
}

/// Whether y, which stands in all bits but the highest, is below 2²⁵⁵ − 19.
const fn is_canonical(key: &[u8; 32]) -> bool {
    let mut place = 31;
    if key[place] & 0x7f != 0x7f {
        return true;
    }
    while place > 1 {
        place -= 1;
        if key[place] != 0xff {
            return true;
        }
    }
    key[0] < 0xed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Go's `sumdb/note`, which the specification was written after: its key, text and
    /// signature.
    #[test]
    fn the_published_note_verifies() {
        let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let text = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
        let line =
            "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        let key = LogKey::parse(key).unwrap();
        let signature = STANDARD.decode(line).unwrap();
        assert_eq!(signature[..4], key.id());
        assert!(key.has_signed(text, &signature[4..]));
        assert!(!key.has_signed("another text", &signature[4..]));
    }

    /// s + L is the same number in the group: who allowed it would allow every signature to be changed.
    #[test]
    fn a_signature_has_one_form() {
        // RFC 8032, section 5.1: the order of the group.
        const L: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        use ed25519_dalek::{Signer, SigningKey};
        let secret = SigningKey::from_bytes(&[7; 32]);
        let key = LogKey::of(Origin::parse("log").unwrap(), secret.verifying_key());
        let mut signature = secret.sign(b"text").to_bytes();
        assert!(key.has_signed("text", &signature));
        let mut carry = 0;
        for (byte, of_the_order) in signature[32..].iter_mut().zip(L) {
            let sum = u16::from(*byte) + u16::from(of_the_order) + carry;
            [*byte, _] = sum.to_le_bytes();
            carry = sum >> 8;
        }
        assert!(carry == 0 && !key.has_signed("text", &signature));
        assert!(!key.has_signed("text", &signature[..63]));
    }

    #[test]
    fn what_is_no_point_or_of_small_order_or_has_two_forms_is_no_key() {
        let new = |key: [u8; 32]| LogKey::new(Origin::parse("log").unwrap(), &key);
        // RFC 8032, section 7.1, test 1.
        let fine =
            *b"\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\x0e\xe1\x72\xf3\xda\xa6\x23\
                     \x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a";
        assert!(new(fine).is_ok());
        // y of 0, 1 and -1, and 1 again with the sign of nothing.
        let mut minus_one = [0xff; 32];
        (minus_one[0], minus_one[31]) = (0xec, 0x7f);
        let (mut one, mut signed_one) = ([0; 32], [0; 32]);
        (one[0], signed_one[0], signed_one[31]) = (1, 1, 0x80);
        for small in [[0; 32], one, signed_one, minus_one] {
            assert!(new(small).is_err(), "{small:?}");
        }
        // Every y from the prime on is one of 0 to 18 in another form.
        for low in 0xed..=0xff {
            for high in [0x7f, 0xff] {
                let mut again = [0xff; 32];
                (again[0], again[31]) = (low, high);
                assert!(!is_canonical(&again) && new(again).is_err());
            }
        }
        assert!(is_canonical(&minus_one), "the largest y there is");
        // No x fits.
        assert!(new([2; 32]).is_err() || new([3; 32]).is_err());
    }
}
