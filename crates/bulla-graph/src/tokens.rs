use std::collections::BTreeSet;
use std::fmt;

use bulla_base::{HASHING, PhoneNumberId, without_trace};
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::limits::MAX_TOKEN_BYTES;

/// The bearer tokens that open the API, and the sending numbers each may use.
///
/// # Security
/// Only SHA-256 digests are kept. A presented token is compared with all of them in constant time, so that nothing can be learnt from how
/// long it took. Draw tokens from at least 128 bits of randomness: a digest does not make a guessable token safe.
///
/// # Cost
/// One SHA-256 and one comparison of 32 bytes per token kept, for every request.
#[derive(Clone, Default)]
pub struct Tokens {
    grants: Vec<Grant>,
}

#[derive(Clone)]
pub(crate) struct Grant {
    digest: [u8; 32],
    numbers: BTreeSet<PhoneNumberId>,
}

impl Tokens {
    /// No tokens: nothing is opened.
    #[must_use]
    pub const fn new() -> Self {
        Self { grants: Vec::new() }
    }

    /// Lets `token` use `numbers`, and any it was given before. A token that is empty or longer than [`MAX_TOKEN_BYTES`] opens nothing.
    #[must_use]
    pub fn grant(mut self, token: &str, numbers: impl IntoIterator<Item = PhoneNumberId>) -> Self {
        let digest = digest(token.as_bytes());
        match self.grants.iter_mut().find(|grant| grant.digest == digest) {
            Some(grant) => grant.numbers.extend(numbers),
            None => self.grants.push(Grant { digest, numbers: numbers.into_iter().collect() }),
        }
        self
    }

    /// What the presented token opens, if it is one of ours.
    pub(crate) fn find(&self, token: &[u8]) -> Option<&Grant> {
        if token.is_empty() || token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let digest = digest(token);
        let mut found = u64::MAX;
        for (position, grant) in (0_u64..).zip(&self.grants) {
            found.conditional_assign(&position, grant.digest.ct_eq(&digest));
        }
        usize::try_from(found).ok().and_then(|position| self.grants.get(position))
    }
}

impl Grant {
    /// Whether the token may use this number.
    pub(crate) fn covers(&self, number: PhoneNumberId) -> bool {
        self.numbers.contains(&number)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { grants } = self;
        write!(f, "Tokens({})", grants.len())
    }
}

fn digest(token: &[u8]) -> [u8; 32] {
    without_trace::<HASHING, _>(|| Sha256::digest(token).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: PhoneNumberId = PhoneNumberId::new(1);
    const SECOND: PhoneNumberId = PhoneNumberId::new(2);

    #[test]
    fn a_token_opens_its_own_numbers_and_no_others() {
        let tokens = Tokens::new().grant("one", [FIRST]).grant("two", [SECOND]);
        let opens = |token: &str, number| tokens.find(token.as_bytes()).map(|grant| grant.covers(number));
        assert_eq!(opens("one", FIRST), Some(true));
        assert_eq!(opens("one", SECOND), Some(false));
        assert_eq!(opens("two", SECOND), Some(true));
        assert_eq!(opens("three", FIRST), None);
        assert_eq!(opens("One", FIRST), None);
    }

    #[test]
    fn granting_again_adds_numbers() {
        let tokens = Tokens::new().grant("one", [FIRST]).grant("one", [SECOND]);
        let grant = tokens.find(b"one").unwrap();
        assert!(grant.covers(FIRST) && grant.covers(SECOND));
        assert_eq!(format!("{tokens:?}"), "Tokens(1)");
    }

    #[test]
    fn the_longest_token_opens_and_one_byte_more_does_not() {
        let (longest, longer) = ("t".repeat(MAX_TOKEN_BYTES), "t".repeat(MAX_TOKEN_BYTES + 1));
        let tokens = Tokens::new().grant(&longest, [FIRST]).grant(&longer, [FIRST]).grant("", [FIRST]);
        assert!(tokens.find(longest.as_bytes()).is_some());
        assert!(tokens.find(longer.as_bytes()).is_none());
        assert!(tokens.find(b"").is_none());
    }
}
