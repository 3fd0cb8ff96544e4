use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{SignedCheckpoint, parse_hash};
use crate::error::{InvalidForm, NotSigned, at_most_bytes};
use crate::limits::{MAX_EVIDENCE_BYTES, MAX_PROOF_HASHES};
use crate::{ConsistencyProof, Head, LogKey, TreeHash};

const TITLE: &str = "bulla transparency evidence, form 1\n";
const OLDER: &str = "== older checkpoint ==\n";
const NEWER: &str = "== newer checkpoint ==\n";
const PROOF: &str = "== root of the older size under the newer checkpoint, and proof ==\n";

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
/// The last part is left out where both are of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    older: SignedCheckpoint,
    newer: SignedCheckpoint,
    implied: Option<Implied>,
}

/// The root of the older size that the newer head implies.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Implied {
    root: TreeHash,
    proof: ConsistencyProof,
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
        Self { older, newer, implied: None }
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
        let (old, new) = (older.unverified_head().size(), newer.unverified_head().size());
        if old == 0 || old >= new || (proof.old_size(), proof.new_size()) != (old, new) {
            return Err(InvalidForm::Field { field: "proof", expected: "one between the two sizes" });
        }
        Ok(Self { older, newer, implied: Some(Implied { root, proof }) })
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
        let (newer, proof) =
            rest.split_once(PROOF).map_or((rest, None), |(newer, proof)| (newer, Some(proof)));

        let older = SignedCheckpoint::parse(older.as_bytes())?;
        let newer = SignedCheckpoint::parse(newer.as_bytes())?;
        let Some(proof) = proof else {
            if older.unverified_head().size() > newer.unverified_head().size() {
                return Err(invalid("newer checkpoint", "one of at least the size of the older"));
            }
            return Ok(Self { older, newer, implied: None });
        };
        let lines = proof.strip_suffix('\n').ok_or(invalid("proof", "a newline at the end"))?;
        let mut hashes = Vec::new();
        for line in lines.split('\n') {
            at_most_bytes("hashes of the proof", MAX_PROOF_HASHES + 1, hashes.len() + 1)?;
            hashes.push(parse_hash("proof", line)?);
        }
        let (root, hashes) = hashes.split_first().ok_or(invalid("proof", "a root"))?;
        let (old, new) = (older.unverified_head().size(), newer.unverified_head().size());
        let proof = ConsistencyProof::from_hashes(old, new, hashes)?;
        Self::of_prefix(older, newer, *root, proof)
    }

    /// What a witness has found: either both are of one size, or `proof` leads to `newer` from another root.
    pub(crate) fn of_conflict(
        older: SignedCheckpoint,
        newer: SignedCheckpoint,
        proof: Option<&ConsistencyProof>,
    ) -> Self {
        // One between other sizes may come along, and says nothing of these.
        let between = proof.filter(|proof| proof.old_size() == older.unverified_head().size());
        let implied = between.and_then(|proof| {
            let root = proof.implied_old_root(newer.unverified_head())?;
            Some(Implied { root, proof: proof.clone() })
        });
        Self { older, newer, implied }
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
        let implied = match &self.implied {
            None if older.size() == newer.size() => newer,
            None => return Verdict::NotProven,
            Some(Implied { root, proof }) => {
                let implied = Head::within_limits(older.size(), *root);
                if proof.verify(&implied, &newer).is_err() {
                    return Verdict::NotProven;
                }
                implied
            }
        };
        if implied.root() == older.root() { Verdict::Consistent } else { Verdict::Equivocation }
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
        let Some(Implied { root, proof }) = &self.implied else { return Ok(()) };
        f.write_str(PROOF)?;
        for hash in [root].into_iter().chain(proof.hashes()) {
            writeln!(f, "{}", STANDARD.encode(hash.as_bytes()))?;
        }
        Ok(())
    }
}
