//! What a sender commits to.
//!
//! ```text
//! P = opening key (32 bytes) ‖ … all that is sealed, with its padding
//! C = HMAC-SHA-256(opening key, P)              on the outside, before anybody can know of a report
//! ```
//!
//! Authenticated encryption alone does not commit: a ciphertext can be made that opens to two plaintexts
//! under two keys. HMAC-SHA-256 under a key of fixed length does, as surely as SHA-256 has no collisions.

use bulla_base::{HASHING_STACK_BYTES, without_trace};
use hmac::Mac;

use crate::secret::keyed;

/// The commitment to `plaintext`, all the bytes that were sealed, which begin with the key that opens it;
/// nothing when they are too few to have one.
///
/// Nothing else of them is looked at.
///
/// # Cost
/// One HMAC: a block of SHA-256 for each 64 bytes, and four.
#[must_use]
pub fn commitment(plaintext: &[u8]) -> Option<[u8; 32]> {
    let key = plaintext.first_chunk()?;
    Some(without_trace::<HASHING_STACK_BYTES, _>(|| {
        keyed(key).chain_update(plaintext).finalize().into_bytes().into()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_key_commits_to_nothing() {
        assert_eq!(commitment(&[7; 31]), None);
        assert!(commitment(&[7; 32]).is_some());
        assert_ne!(commitment(&[7; 32]), commitment(&[7; 33]));
    }
}
