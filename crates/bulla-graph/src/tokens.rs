use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

use bulla_base::{HASHING_STACK_BYTES, PhoneNumberId, Rng, without_trace};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::limits::MAX_TOKEN_BYTES;
use crate::{Grant, TokenLookup, TokenLookupError};

/// The bearer tokens that open the API, and the sending numbers each may use: in memory, and open to change
/// while the API is served. Its clones are one.
///
/// # Security
/// Only HMAC-SHA-256 tags are kept, under a key that was drawn for them and is in no file. A presented token
/// is looked up by its tag, of which nobody outside can know any part, so that nothing can be learnt from how
/// long it took. Draw tokens from at least 128 bits of randomness: a tag does not make a guessable token
/// safe.
///
/// # Cost
/// One HMAC and one look-up in a hash table for each request, however many tokens there are; 64 bytes and the
/// numbers for each of them.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

/// A whole block of the hash.
const KEY_BYTES: usize = 64;

struct Inner {
    key: Zeroizing<[u8; KEY_BYTES]>,
    grants: RwLock<HashMap<Tag, Grant, BuildHasherDefault<TagHasher>>>,
}

/// Why a token cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidToken {
    /// It is empty.
    #[error("an empty token opens nothing; draw one of at least 16 random bytes")]
    Empty,
    /// It is too long.
    #[error("the token has {actual} bytes, more than the {MAX_TOKEN_BYTES} allowed")]
    TooLong {
        /// How long it is.
        actual: usize,
    },
}

impl Tokens {
    /// No tokens: nothing is opened.
    #[must_use]
    pub fn new(rng: &dyn Rng) -> Self {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        rng.fill(&mut *key);
        Self(Arc::new(Inner { key, grants: RwLock::default() }))
    }

    /// Lets `token` use `numbers`, and any it was given before, from now on.
    ///
    /// # Errors
    /// When it is empty or longer than [`MAX_TOKEN_BYTES`].
    pub fn grant(
        &self,
        token: &str,
        numbers: impl IntoIterator<Item = PhoneNumberId>,
    ) -> Result<(), InvalidToken> {
        check(token)?;
        let tag = self.tag(token.as_bytes());
        let mut grants = self.0.grants.write().unwrap_or_else(PoisonError::into_inner);
        grants.entry(tag).or_insert_with(|| Grant::new([])).extend(numbers);
        Ok(())
    }

    /// Lets `token` open `grant` from now on, and nothing it did before.
    ///
    /// So a token is replaced while clients work: the new one is put, the clients are given it, and the old
    /// one is put once more with an [end](Grant::until), or revoked. From the next request on it is so.
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    pub fn put(&self, token: &str, grant: Grant) -> Result<(), InvalidToken> {
        check(token)?;
        let tag = self.tag(token.as_bytes());
        self.0.grants.write().unwrap_or_else(PoisonError::into_inner).insert(tag, grant);
        Ok(())
    }

    /// Lets `token` open nothing from now on. Whether it opened anything. Requests under way with it are
    /// still answered.
    pub fn revoke(&self, token: &str) -> bool {
        let tag = self.tag(token.as_bytes());
        // A panic elsewhere must not keep a token open that was just revoked.
        self.0.grants.write().unwrap_or_else(PoisonError::into_inner).remove(&tag).is_some()
    }

    fn find(&self, token: &[u8]) -> Option<Grant> {
        let tag = self.tag(token);
        self.0.grants.read().unwrap_or_else(PoisonError::into_inner).get(&tag).cloned()
    }

    fn tag(&self, token: &[u8]) -> Tag {
        without_trace::<HASHING_STACK_BYTES, _>(|| {
            let key = (&*self.0.key).into();
            Tag(Hmac::<Sha256>::new(key).chain_update(token).finalize().into_bytes().into())
        })
    }
}

/// Refuses what is no token.
fn check(token: &str) -> Result<(), InvalidToken> {
    match token.len() {
        0 => Err(InvalidToken::Empty),
        actual if actual > MAX_TOKEN_BYTES => Err(InvalidToken::TooLong { actual }),
        _ => Ok(()),
    }
}

impl TokenLookup for Tokens {
    async fn look_up(&self, token: &[u8]) -> Result<Option<Grant>, TokenLookupError> {
        Ok(self.find(token))
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { key: _, grants } = &*self.0;
        write!(f, "Tokens({})", grants.read().unwrap_or_else(PoisonError::into_inner).len())
    }
}

/// What is kept of a token.
struct Tag([u8; 32]);

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        #[cfg(test)]
        tests::COMPARED.with(|compared| compared.set(compared.get() + 1));
        // Also among tags of the same hash: how far a guess agrees is not told by time.
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Tag {}

impl Hash for Tag {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
    }
}

/// A tag is as good as random already: its first bytes are its hash.
#[derive(Default)]
struct TagHasher(u64);

impl Hasher for TagHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = self.0.rotate_left(8) ^ value;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use bulla_base::SeededRng;

    use super::*;

    thread_local! {
        /// How many tags were compared.
        pub(super) static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    const FIRST: PhoneNumberId = PhoneNumberId::new(1);
    const SECOND: PhoneNumberId = PhoneNumberId::new(2);

    fn tokens() -> Tokens {
        Tokens::new(&SeededRng::new(1))
    }

    #[test]
    fn whatever_is_hashed_changes_the_hash() {
        let hash = |bytes: &[u8]| {
            let mut hasher = TagHasher::default();
            hasher.write(bytes);
            hasher.finish()
        };
        assert_eq!((hash(&[]), hash(&[1]), hash(&[1, 2])), (0, 1, 0x0102));
        let mut hasher = TagHasher::default();
        hasher.write_u64(0x0100_0000_0000_0000);
        hasher.write_u64(3);
        assert_eq!(hasher.finish(), 0x0000_0000_0000_0001 ^ 3);
    }

    #[test]
    fn a_token_opens_its_own_numbers_and_no_others() {
        let tokens = tokens();
        tokens.grant("one", [FIRST]).unwrap();
        tokens.grant("two", [SECOND]).unwrap();
        let opens = |token: &str, number| tokens.find(token.as_bytes()).map(|grant| grant.covers(number));
        assert_eq!(opens("one", FIRST), Some(true));
        assert_eq!(opens("one", SECOND), Some(false));
        assert_eq!(opens("two", SECOND), Some(true));
        assert_eq!(opens("three", FIRST), None);
        assert_eq!(opens("One", FIRST), None);
    }

    #[test]
    fn granting_again_adds_numbers_and_revoking_takes_all() {
        let tokens = tokens();
        tokens.grant("one", [FIRST]).unwrap();
        tokens.clone().grant("one", [SECOND]).unwrap();
        let grant = tokens.find(b"one").unwrap();
        assert!(grant.covers(FIRST) && grant.covers(SECOND));
        assert_eq!(format!("{tokens:?} {grant:?}"), "Tokens(1) Grant(2 numbers)");
        assert!(tokens.revoke("one"));
        assert!(!tokens.revoke("one"));
        assert_eq!(tokens.find(b"one"), None);
    }

    #[test]
    fn the_longest_token_opens_and_one_byte_more_or_none_is_refused() {
        let (longest, longer) = ("t".repeat(MAX_TOKEN_BYTES), "t".repeat(MAX_TOKEN_BYTES + 1));
        let tokens = tokens();
        assert_eq!(tokens.grant(&longest, [FIRST]), Ok(()));
        assert!(tokens.find(longest.as_bytes()).is_some());
        let refused = tokens.grant(&longer, [FIRST]).unwrap_err();
        assert_eq!(refused.to_string(), "the token has 1025 bytes, more than the 1024 allowed");
        assert_eq!(tokens.grant("", [FIRST]), Err(InvalidToken::Empty));
    }

    #[test]
    fn tags_of_one_token_under_two_keys_have_nothing_in_common() {
        let (one, other) = (tokens(), Tokens::new(&SeededRng::new(2)));
        assert_ne!(one.tag(b"one").0, other.tag(b"one").0);
    }

    #[test]
    fn a_look_up_among_a_hundred_thousand_looks_at_no_more_than_the_one_it_finds() {
        let tokens = tokens();
        for number in 0..100_000 {
            tokens.grant(&format!("token {number}"), [FIRST]).unwrap();
        }
        let compared = || COMPARED.with(Cell::get);
        for number in 0..100_000 {
            let before = compared();
            assert!(tokens.find(format!("token {number}").as_bytes()).is_some());
            // Others are looked at only where the few bits that the table keeps of each are the same by
            // chance.
            assert!(compared() - before <= 4, "{} were compared", compared() - before);
        }
        assert!(compared() < 2 * 110_000, "{} were compared", compared());
    }
}
