use std::fmt;

use bulla_base::Party;
use bulla_session::Fingerprint;

use crate::Identity;

/// Which names and keys are hashed, as the other side reads it in a code that it scans.
const VERSION: u32 = 1;

/// What both sides of a conversation compare to know that nobody stands between them: sixty digits that are
/// the same on both, or a code that one scans from the other.
///
/// Two are equal when they are of the same two parties and identities, whichever side they come from.
/// That is found in constant time.
///
/// # Cost
/// About 5 ms of hashing for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafetyNumber(Fingerprint);

impl SafetyNumber {
    pub(crate) fn new(ours: (&Party, Identity), theirs: (&Party, Identity)) -> Option<Self> {
        let (our_name, their_name) = (ours.0.to_bytes(), theirs.0.to_bytes());
        let (ours, theirs) = ((&our_name[..], ours.1.key()), (&their_name[..], theirs.1.key()));
        // It fails for other counts of iterations only.
        Fingerprint::new(Fingerprint::ITERATIONS, VERSION, ours, theirs).ok().map(Self)
    }

    /// The sixty digits, the same on both sides.
    #[must_use]
    pub fn digits(&self) -> String {
        self.0.digits()
    }

    /// The bytes of the code to be scanned by the other side.
    #[must_use]
    pub fn scannable(&self) -> Vec<u8> {
        self.0.scannable()
    }

    /// Whether what was scanned from the other side shows the same two identities. False, too, when it is no
    /// such code at all.
    #[must_use]
    pub fn matches(&self, scanned: &[u8]) -> bool {
        self.0.matches(scanned).unwrap_or(false)
    }
}

impl fmt::Display for SafetyNumber {
    /// Twelve groups of five digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, digit) in self.digits().chars().enumerate() {
            if place > 0 && place % 5 == 0 {
                f.write_str(" ")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}
