//! How a webhook shows that it comes from the relay: `X-Hub-Signature-256: sha256=` and, in lower-case
//! hexadecimal, the HMAC-SHA-256 of the body's exact bytes under the app secret.

use bulla_base::{HASHING_STACK_BYTES, without_trace};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The name of the header, in lower case.
pub const HEADER: &str = "x-hub-signature-256";

const SCHEME: &str = "sha256=";
const BLOCK_BYTES: usize = 64;

/// The header's value for `body`, signed with `secret`.
///
/// ```
/// let value = bulla_webhook::signature::sign(b"app secret", br#"{"object":"whatsapp_business_account"}"#);
/// assert!(bulla_webhook::signature::verify(b"app secret", br#"{"object":"whatsapp_business_account"}"#, &value));
/// ```
#[must_use]
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    use std::fmt::Write;

    let tag = without_trace::<HASHING_STACK_BYTES, _>(|| tag(secret, body));
    let mut value = String::with_capacity(SCHEME.len() + 2 * tag.len());
    value.push_str(SCHEME);
    for byte in tag {
        // Writing to a string cannot fail.
        let _ = write!(value, "{byte:02x}");
    }
    value
}

fn tag(secret: &[u8], body: &[u8]) -> [u8; 32] {
    // HMAC pads a key to one block, and hashes a longer one first (RFC 2104 §2).
    let mut key = Zeroizing::new([0; BLOCK_BYTES]);
    if secret.len() > BLOCK_BYTES {
        key[..32].copy_from_slice(&Sha256::digest(secret));
    } else {
        key[..secret.len()].copy_from_slice(secret);
    }
    let mut mac = Hmac::<Sha256>::new((&*key).into());
    mac.update(body);
    mac.finalize().into_bytes().into()
}

/// Whether `value` is the header's value for `body`, signed with `secret`.
///
/// # Security
/// Compares in constant time.
#[must_use]
pub fn verify(secret: &[u8], body: &[u8], value: &str) -> bool {
    sign(secret, body).as_bytes().ct_eq(value.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    // python3: hmac.new(b"app-secret", b'{"a":"\\u00e9"}', hashlib.sha256).hexdigest()
    const BODY: &[u8] = br#"{"a":"\u00e9"}"#;
    const VALUE: &str = "sha256=272058dc9419fc90968501c0ae04277cea380c0a41e7db09884b00d6096e1693";

    #[test]
    fn the_signature_is_the_one_others_compute() {
        assert_eq!(sign(b"app-secret", BODY), VALUE);
        // python3: hmac.new(b"k" * 100, b"body", hashlib.sha256).hexdigest()
        let long = "sha256=a3306f78bc603683d9d9d98b9304be3e3e99497c42e660d7b00f6698b0df4e89";
        assert_eq!(sign(&[b'k'; 100], b"body"), long);
    }

    #[test]
    fn only_the_right_signature_is_one() {
        assert!(verify(b"app-secret", BODY, VALUE));
        assert!(!verify(b"app-secreu", BODY, VALUE));
        assert!(!verify(b"app-secret", b"{}", VALUE));
        assert!(!verify(b"app-secret", BODY, &VALUE.to_uppercase()));
        assert!(!verify(b"app-secret", BODY, VALUE.trim_start_matches("sha256=")));
        assert!(!verify(b"app-secret", BODY, ""));
    }

    /// A block's length is where a secret begins to be hashed first.
    #[test]
    fn secrets_of_a_block_and_on_both_sides_of_it_sign_as_the_crate_does() {
        for length in [1, 63, 64, 65, 200] {
            let secret = vec![0x5a; length];
            let plain = <Hmac<Sha256> as KeyInit>::new_from_slice(&secret).unwrap().chain_update(b"body");
            assert_eq!(tag(&secret, b"body")[..], plain.finalize().into_bytes()[..], "{length} bytes");
        }
    }
}
