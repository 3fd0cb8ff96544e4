use bulla_transparency::{InclusionProof, NotProven};

use crate::error::invalid;
use crate::{InvalidForm, Leaf, Statement};

/// That a message stands in a statement, and at which rate.
///
/// Once: the leaves of a statement ascend by tag, which both have checked who signed it. Whoever did not
/// trust the two would have to read all leaves.
///
/// ```text
///   leaf    46 bytes
///   proof   index u64, size u64, hashes 32 each: 702 bytes for a million leaves, and at most 814
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingProof {
    leaf: Leaf,
    inclusion: InclusionProof,
}

impl BillingProof {
    pub(crate) const fn new(leaf: Leaf, inclusion: InclusionProof) -> Self {
        Self { leaf, inclusion }
    }

    /// Reads the encoded form.
    ///
    /// # Errors
    /// When the leaf is none, or the proof does not have the length that follows from its numbers.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let (leaf, proof) = bytes.split_first_chunk().ok_or(InvalidForm::Cut { field: "proof of a leaf" })?;
        let inclusion = InclusionProof::from_bytes(proof);
        let inclusion = inclusion.map_err(|_| invalid("proof of a leaf", "a proof of inclusion"))?;
        Ok(Self { leaf: Leaf::from_bytes(leaf)?, inclusion })
    }

    /// What is billed, if `statement` has it.
    ///
    /// # Errors
    /// When the statement has another number of leaves, or another root follows.
    ///
    /// # Cost
    /// A hash of one block for the leaf, and one of two for each of at most 24 nodes.
    pub fn verify(&self, statement: &Statement) -> Result<&Leaf, NotProven> {
        self.inclusion.verify(&self.leaf.hash(), statement.leaves())?;
        Ok(&self.leaf)
    }

    /// The encoded form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.leaf.to_bytes()[..], &self.inclusion.to_bytes()].concat()
    }
}
