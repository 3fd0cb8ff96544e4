mod contradiction;

use std::fmt;

use self::contradiction::Contradiction;
use crate::error::{InvalidForm, NotSigned, at_most_bytes};
use crate::limits::MAX_EVIDENCE_BYTES;
use crate::{ConsistencyProof, InclusionProof, LogKey, SignedCheckpoint, TreeHash};

const TITLE: &str = "bulla transparency evidence, form 1\n";
const OLDER: &str = "== older checkpoint ==\n";
const NEWER: &str = "== newer checkpoint ==\n";

/// Two checkpoints of one log that cannot both be true, as a file that anybody can check with the log's key
/// alone.
///
/// # What is a proof of wrongdoing, and what is not
/// * **Two signed roots for one size** are one: a log of some size has one root.
/// * **Two signed heads of different sizes** are one together with *the root that the newer one implies for
///   the older size*, when that is not the root that was signed. That the newer one implies it is shown by a
///   consistency proof from that root to the newer one. Nobody can make one for a root that is not in the
///   newer tree, so an honest log cannot be accused with it. It is made by whoever has read the leaves under
///   the newer checkpoint, or is given by a log that proves to one what it denied to another.
/// * **Two signed heads with another leaf in one place** are one, with a proof of inclusion for each: a log
///   that only grew has the same leaf there. It takes nobody who has read the log: a user who was shown a key
///   and a business that was shown another leaf in its place have what it takes.
/// * Two heads of different sizes **without a proof**, or with **a proof that fails**, show nothing. Anybody
///   can write a proof that fails, and a log that gives none may be out of reach. Who gets none stops
///   trusting and asks others, but cannot convince a third.
/// * **A head that was only told**, such as those in sealed content, shows nothing: its sender may have made
///   it up. Ask for the signed checkpoint behind it.
///
/// # The file
/// ```text
/// bulla transparency evidence, form 1
/// == older checkpoint ==
/// (a checkpoint)
/// == newer checkpoint ==
/// (a checkpoint of at least that size)
/// == root of the older size under the newer checkpoint, and proof ==
/// (Base64 of the root)
/// (Base64 of each hash of the consistency proof from it)
/// ```
/// The last part is left out where both are of one size and their roots say enough. Where two leaves show it,
/// it is another:
/// ```text
/// == another leaf in one place, with both proofs ==
/// (the place, decimal)
/// (Base64 of the hash of the leaf under the older one, and of each hash of its proof of inclusion)
/// (the same under the newer one)
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    older: SignedCheckpoint,
    newer: SignedCheckpoint,
    contradiction: Option<Contradiction>,
}

/// What evidence comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Verdict {
    /// The log has signed what cannot both be true.
    Equivocation,
    /// The two agree: both are of one log.
    Consistent,
    /// Nothing follows: the proof is missing, or does not lead to the newer checkpoint.
    NotProven,
    /// One of the checkpoints is not the log's.
    NotSigned(NotSigned),
}

impl Evidence {
    /// Evidence from two checkpoints, in whichever order, that need no proof: those of one size. Of others it
    /// is [`Verdict::NotProven`].
    #[must_use]
    pub fn of_roots(one: SignedCheckpoint, other: SignedCheckpoint) -> Self {
        let in_order = one.unverified_head().size() <= other.unverified_head().size();
        let (older, newer) = if in_order { (one, other) } else { (other, one) };
        Self { older, newer, contradiction: None }
    }

    /// Evidence from two checkpoints of different sizes: under the newer one, the log had another root at the
    /// size of the older one, and `proof` leads from that `root` to the newer one.
    ///
    /// # Errors
    /// When the proof is not between the two sizes, or they are the same.
    pub fn of_prefix(
        older: SignedCheckpoint,
        newer: SignedCheckpoint,
        root: TreeHash,
        proof: ConsistencyProof,
    ) -> Result<Self, InvalidForm> {
        let heads = (older.unverified_head(), newer.unverified_head());
        let contradiction = Contradiction::of_prefix(heads.0, heads.1, root, proof)?;
        Ok(Self { older, newer, contradiction: Some(contradiction) })
    }

    /// Evidence from two checkpoints and the leaf that each has in one place, by its hash, with its proof.
    ///
    /// # Errors
    /// When the older one is larger, or the proofs are not of one place or not of the two sizes.
    pub fn of_leaf(
        (older, old_leaf, old_proof): (SignedCheckpoint, TreeHash, InclusionProof),
        (newer, new_leaf, new_proof): (SignedCheckpoint, TreeHash, InclusionProof),
    ) -> Result<Self, InvalidForm> {
        check_order(&older, &newer)?;
        let sizes = (older.unverified_head().size(), newer.unverified_head().size());
        let contradiction = Contradiction::of_leaf(sizes, (old_leaf, old_proof), (new_leaf, new_proof))?;
        Ok(Self { older, newer, contradiction: Some(contradiction) })
    }

    /// Reads the file. There is one way to write it: [`fmt::Display`] gives the same text again.
    ///
    /// # Errors
    /// When it has more than [`MAX_EVIDENCE_BYTES`], is not UTF-8, a part of it is missing or not in its
    /// place, a checkpoint is none, the older one is larger, or the proof has more or fewer hashes than the
    /// sizes take.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidForm> {
        at_most_bytes("evidence, in bytes", MAX_EVIDENCE_BYTES, bytes.len())?;
        let invalid = |field, expected| InvalidForm::Field { field, expected };
        let text = str::from_utf8(bytes).map_err(|_| invalid("evidence", "UTF-8"))?;
        let text = text.strip_prefix(TITLE).ok_or(invalid("evidence", "its title, of form 1"))?;
        let text = text.strip_prefix(OLDER).ok_or(invalid("evidence", "an older checkpoint"))?;
        // No line of a checkpoint begins as these do, nor does one end so.
        let (older, rest) = text.split_once(NEWER).ok_or(invalid("evidence", "a newer checkpoint"))?;
        let (newer, unread) = Contradiction::split_off(rest);

        let older = SignedCheckpoint::parse(older.as_bytes())?;
        let newer = SignedCheckpoint::parse(newer.as_bytes())?;
        check_order(&older, &newer)?;
        let read = unread.map(|unread| unread.read(older.unverified_head(), newer.unverified_head()));
        Ok(Self { contradiction: read.transpose()?, older, newer })
    }

    /// What a witness has found: either both are of one size, or `proof` leads to `newer` from another root.
    pub(crate) fn of_conflict(
        older: SignedCheckpoint,
        newer: SignedCheckpoint,
        proof: Option<&ConsistencyProof>,
    ) -> Self {
        // One between other sizes may come along, and says nothing of these.
        let contradiction = proof.and_then(|proof| {
            let (older, newer) = (older.unverified_head(), newer.unverified_head());
            let root = proof.implied_old_root(newer)?;
            Contradiction::of_prefix(older, newer, root, proof.clone()).ok()
        });
        Self { older, newer, contradiction }
    }

    /// What follows from it about the log with this key.
    ///
    /// # Cost
    /// At most 32 signatures are verified and 126 nodes hashed.
    pub fn verify(&self, key: &LogKey) -> Verdict {
        let (older, newer) = match (self.older.verify(key), self.newer.verify(key)) {
            (Ok(older), Ok(newer)) => (older, newer),
            (Err(error), _) | (_, Err(error)) => return Verdict::NotSigned(error),
        };
        match &self.contradiction {
            Some(contradiction) => contradiction.verdict(&older, &newer),
            None if older == newer => Verdict::Consistent,
            None if older.size() == newer.size() => Verdict::Equivocation,
            None => Verdict::NotProven,
        }
    }

    /// The checkpoint of the smaller size.
    #[must_use]
    pub const fn older(&self) -> &SignedCheckpoint {
        &self.older
    }

    /// The checkpoint of the larger size.
    #[must_use]
    pub const fn newer(&self) -> &SignedCheckpoint {
        &self.newer
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{TITLE}{OLDER}{}{NEWER}{}", self.older, self.newer)?;
        self.contradiction.as_ref().map_or(Ok(()), |contradiction| contradiction.fmt(f))
    }
}

fn check_order(older: &SignedCheckpoint, newer: &SignedCheckpoint) -> Result<(), InvalidForm> {
    let is_in_order = older.unverified_head().size() <= newer.unverified_head().size();
    let expected = "one of at least the size of the older";
    if is_in_order { Ok(()) } else { Err(InvalidForm::Field { field: "newer checkpoint", expected }) }
}
