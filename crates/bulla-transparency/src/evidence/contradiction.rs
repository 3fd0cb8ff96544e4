//! What shows that two signed heads cannot both be true, where their sizes alone do not.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Verdict;
use crate::checkpoint::{parse_hash, parse_size};
use crate::error::{InvalidForm, at_most_bytes};
use crate::limits::MAX_PROOF_HASHES;
use crate::{ConsistencyProof, Head, InclusionProof, TreeHash};

const PREFIX: &str = "== root of the older size under the newer checkpoint, and proof ==\n";
const LEAF: &str = "== another leaf in one place, with both proofs ==\n";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Contradiction {
    /// The root of the older size that the newer head implies.
    Prefix { root: TreeHash, proof: ConsistencyProof },
    /// What stands in one place under the older head, and under the newer one.
    Leaf { older: (TreeHash, InclusionProof), newer: (TreeHash, InclusionProof) },
}

impl Contradiction {
    /// One by the root of the older size, if `proof` is between these two sizes.
    pub(super) fn of_prefix(
        older: &Head,
        newer: &Head,
        root: TreeHash,
        proof: ConsistencyProof,
    ) -> Result<Self, InvalidForm> {
        let (old, new) = (older.size(), newer.size());
        if old == 0 || old >= new || (proof.old_size(), proof.new_size()) != (old, new) {
            return Err(InvalidForm::Field { field: "proof", expected: "one between the two sizes" });
        }
        Ok(Self::Prefix { root, proof })
    }

    /// One by two leaves, if their proofs are of one place under these two sizes.
    pub(super) fn of_leaf(
        sizes: (u64, u64),
        older: (TreeHash, InclusionProof),
        newer: (TreeHash, InclusionProof),
    ) -> Result<Self, InvalidForm> {
        if (older.1.size(), newer.1.size()) != sizes || older.1.index() != newer.1.index() {
            return Err(InvalidForm::Field {
                field: "proofs",
                expected: "two of one place, of the two sizes",
            });
        }
        Ok(Self::Leaf { older, newer })
    }

    /// Takes what follows the newer checkpoint apart from it.
    pub(super) fn split_off(text: &str) -> (&str, Option<Unread<'_>>) {
        if let Some((before, lines)) = text.split_once(PREFIX) {
            return (before, Some(Unread::Prefix(lines)));
        }
        text.split_once(LEAF).map_or((text, None), |(before, lines)| (before, Some(Unread::Leaf(lines))))
    }

    /// What follows from it, if the log has signed both heads.
    pub(super) fn verdict(&self, older: &Head, newer: &Head) -> Verdict {
        match self {
            Self::Prefix { root, proof } => {
                let implied = Head::within_limits(older.size(), *root);
                match proof.verify(&implied, newer) {
                    Err(_) => Verdict::NotProven,
                    Ok(()) if root == older.root() => Verdict::Consistent,
                    Ok(()) => Verdict::Equivocation,
                }
            }
            Self::Leaf { older: (old_leaf, old_proof), newer: (new_leaf, new_proof) } => {
                let are_there =
                    old_proof.verify(old_leaf, older).is_ok() && new_proof.verify(new_leaf, newer).is_ok();
                // The same leaf in one place says nothing of the others.
                if are_there && old_leaf != new_leaf { Verdict::Equivocation } else { Verdict::NotProven }
            }
        }
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix { root, proof } => {
                f.write_str(PREFIX)?;
                write_hashes(f, root, proof.hashes())
            }
            Self::Leaf { older, newer } => {
                writeln!(f, "{LEAF}{}", older.1.index())?;
                write_hashes(f, &older.0, older.1.hashes())?;
                write_hashes(f, &newer.0, newer.1.hashes())
            }
        }
    }
}

fn write_hashes(f: &mut fmt::Formatter<'_>, first: &TreeHash, others: &[TreeHash]) -> fmt::Result {
    [first].into_iter().chain(others).try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash.as_bytes())))
}

/// The lines of one, without the title before them.
pub(super) enum Unread<'a> {
    Prefix(&'a str),
    Leaf(&'a str),
}

impl Unread<'_> {
    /// Reads it as one between these two heads.
    pub(super) fn read(self, older: &Head, newer: &Head) -> Result<Contradiction, InvalidForm> {
        match self {
            Self::Prefix(lines) => {
                let hashes = read_hashes(lines)?;
                let (root, hashes) = hashes.split_first().ok_or(TOO_FEW)?;
                let proof = ConsistencyProof::from_hashes(older.size(), newer.size(), hashes)?;
                Contradiction::of_prefix(older, newer, *root, proof)
            }
            Self::Leaf(lines) => {
                let (index, lines) = lines.split_once('\n').ok_or(TOO_FEW)?;
                let (index, hashes) = (parse_size("index of the leaf", index)?, read_hashes(lines)?);
                let in_older = 1 + InclusionProof::hash_count(index, older.size())?;
                let (of_older, of_newer) = hashes.split_at_checked(in_older).ok_or(TOO_FEW)?;
                let read = |hashes: &[TreeHash], size| {
                    let (leaf, hashes) = hashes.split_first().ok_or(TOO_FEW)?;
                    Ok((*leaf, InclusionProof::from_hashes(index, size, hashes)?))
                };
                let (of_older, of_newer) = (read(of_older, older.size())?, read(of_newer, newer.size())?);
                Contradiction::of_leaf((older.size(), newer.size()), of_older, of_newer)
            }
        }
    }
}

const TOO_FEW: InvalidForm = InvalidForm::Field { field: "proof", expected: "more lines" };

fn read_hashes(lines: &str) -> Result<Vec<TreeHash>, InvalidForm> {
    let expected = "a newline at the end";
    let lines = lines.strip_suffix('\n').ok_or(InvalidForm::Field { field: "proof", expected })?;
    let mut hashes = Vec::new();
    for line in lines.split('\n') {
        at_most_bytes("hashes of the proof", 2 * MAX_PROOF_HASHES, hashes.len() + 1)?;
        hashes.push(parse_hash("proof", line)?);
    }
    Ok(hashes)
}
