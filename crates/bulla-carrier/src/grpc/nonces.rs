//! Which of the nonces of one connection were used.

use bulla_transport::IdentityProblem;

use super::limits::MAX_OPEN_NONCES;

/// The nonces of one connection, by their numbers: how many were given, and which of the last were used.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    given: u64,
    /// A bit for each of the last, as far as the one that was used at the furthest place: of a device there
    /// are a few.
    used: Vec<u64>,
}

impl Nonces {
    /// The number of another nonce. The one that was given so many before it is over.
    pub(crate) fn give(&mut self) -> u64 {
        let number = self.given;
        self.given += 1;
        let (word, bit) = place(number);
        if let Some(word) = self.used.get_mut(word) {
            *word &= !bit;
        }
        number
    }

    /// Uses the nonce with this number.
    pub(crate) fn take(&mut self, number: u64) -> Result<(), IdentityProblem> {
        match self.given.checked_sub(number) {
            // Not one that was given here.
            None | Some(0) => return Err(IdentityProblem::Unknown),
            Some(age) if age > MAX_OPEN_NONCES => return Err(IdentityProblem::Expired),
            Some(_) => {}
        }
        let (word, bit) = place(number);
        if word >= self.used.len() {
            self.used.resize((word + 1).min(WORDS), 0);
        }
        let word = self.used.get_mut(word).ok_or(IdentityProblem::Unknown)?;
        if *word & bit != 0 {
            return Err(IdentityProblem::NonceUsed);
        }
        *word |= bit;
        Ok(())
    }
}

const WORDS: usize = (MAX_OPEN_NONCES / 64) as usize;

/// Where the bit of a nonce stands.
fn place(number: u64) -> (usize, u64) {
    let place = number % MAX_OPEN_NONCES;
    // It is a small number.
    (usize::try_from(place / 64).unwrap_or(usize::MAX), 1 << (place % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_used_once_and_one_that_was_not_given_never() {
        let mut nonces = Nonces::default();
        assert_eq!(nonces.take(0), Err(IdentityProblem::Unknown));
        let (first, second) = (nonces.give(), nonces.give());
        assert_eq!((nonces.take(second), nonces.take(first)), (Ok(()), Ok(())));
        for number in [first, second] {
            assert_eq!(nonces.take(number), Err(IdentityProblem::NonceUsed));
        }
        assert_eq!(nonces.take(2), Err(IdentityProblem::Unknown));
        assert_eq!(nonces.take(u64::MAX), Err(IdentityProblem::Unknown));
    }

    /// Whatever is given, no more than the last of them are remembered.
    #[test]
    fn the_oldest_nonce_is_over_when_too_many_were_given_after_it() {
        let mut nonces = Nonces::default();
        let first = nonces.give();
        nonces.take(first).unwrap();
        let second = nonces.give();
        for _ in 2..=MAX_OPEN_NONCES {
            nonces.give();
        }
        assert_eq!(nonces.take(first), Err(IdentityProblem::Expired), "and not taken for another");
        assert_eq!(nonces.take(second), Ok(()), "the last that is remembered");
        assert_eq!(nonces.take(MAX_OPEN_NONCES), Ok(()), "the bit of the first is its own now");
        assert_eq!(nonces.used.len(), 1, "as far as the furthest that was used");
        for _ in 1..MAX_OPEN_NONCES {
            let number = nonces.give();
            nonces.take(number).unwrap();
        }
        assert_eq!((nonces.used.len() * 8, nonces.used.capacity() * 8), (2048, 2048));
    }
}
