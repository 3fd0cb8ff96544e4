use thiserror::Error;

/// The bytes, the text or the parts handed in are not what they should be. The move is whoever made them;
/// nothing was kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidForm {
    /// Something has another length than it can have.
    #[error("{field}: {actual} instead of {expected}")]
    Length {
        /// What it is, with its unit.
        field: &'static str,
        /// How long it must be.
        expected: usize,
        /// How long it is.
        actual: usize,
    },
    /// Something is larger than allowed.
    #[error("{field} of {actual} is more than the {limit} allowed")]
    TooLarge {
        /// What it is, with its unit.
        field: &'static str,
        /// How large it may be.
        limit: u64,
        /// How large it is.
        actual: u64,
    },
    /// Something is not of its form.
    #[error("{field}: expected {expected}")]
    Field {
        /// What it is.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

/// A proof is well-formed and does not prove what it was checked for. Alone that says nothing about the log:
/// anybody can make a proof that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotProven {
    /// It is a proof about a log of another size.
    #[error("the proof is about {proof} leaves, and the head about {head}")]
    OtherSize {
        /// The size it is about.
        proof: u64,
        /// The size it was checked against.
        head: u64,
    },
    /// What follows from it is another root.
    #[error("the proof leads to another root")]
    OtherRoot,
}

/// A checkpoint is well-formed and was not signed by the key it was checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotSigned {
    /// It is of a log with another name.
    #[error("the checkpoint is of another origin")]
    OtherOrigin,
    /// It bears no signature of that key.
    #[error("the checkpoint has no signature of the log's key")]
    NoSignature,
    /// It bears one that is wrong.
    #[error("the signature of the log's key is wrong")]
    WrongSignature,
}

pub(crate) fn at_most(field: &'static str, limit: u64, actual: u64) -> Result<u64, InvalidForm> {
    if actual > limit { Err(InvalidForm::TooLarge { field, limit, actual }) } else { Ok(actual) }
}

pub(crate) fn at_most_bytes(field: &'static str, limit: usize, actual: usize) -> Result<(), InvalidForm> {
    at_most(field, limit as u64, actual as u64).map(drop)
}
