use thiserror::Error;

use crate::limits::MAX_BODY_BYTES;

/// What was to be said cannot be, or what was received cannot be read. The move is its author's; no content
/// stands in the error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidContent {
    /// A part is empty that must not be.
    #[error("{field} is empty")]
    Empty {
        /// The part.
        field: &'static str,
    },
    /// A part is too long.
    #[error("{field} has {actual} {unit}, more than the {limit} allowed")]
    TooLong {
        /// The part.
        field: &'static str,
        /// What is counted.
        unit: &'static str,
        /// How many there are.
        actual: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A part has too little in it.
    #[error("{field} has {actual} {unit}, fewer than the {least} it takes")]
    TooFew {
        /// The part.
        field: &'static str,
        /// What is counted.
        unit: &'static str,
        /// How many there are.
        actual: usize,
        /// How many there have to be.
        least: usize,
    },
    /// A number is not between what it may be.
    #[error("{field} is not between {least} and {most}")]
    OutOfRange {
        /// The part.
        field: &'static str,
        /// The least it may be.
        least: i32,
        /// The most it may be.
        most: i32,
    },
    /// Two parts are alike that must differ.
    #[error("two of {field} are alike")]
    Repeated {
        /// The parts.
        field: &'static str,
    },
    /// A part must be one emoji, and is none, more than one, or something beside one.
    #[error("{field} is not one emoji")]
    NotOneEmoji {
        /// The part.
        field: &'static str,
    },
    /// A part is not what it has to be.
    #[error("{field} is not {expected}")]
    Unfit {
        /// The part.
        field: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// The bytes are not an encoded content.
    #[error("the content is malformed")]
    Malformed,
}

impl InvalidContent {
    pub(crate) fn at_most(
        field: &'static str,
        unit: &'static str,
        limit: usize,
        actual: usize,
    ) -> Result<(), Self> {
        if actual > limit { Err(Self::TooLong { field, unit, actual, limit }) } else { Ok(()) }
    }

    /// What a body comes to in bytes when it is encoded.
    pub(crate) fn fits(field: &'static str, bytes: usize) -> Result<(), Self> {
        Self::at_most(field, "bytes", MAX_BODY_BYTES, bytes)
    }

    /// From one to as many as a list of that name may have.
    pub(crate) fn some_of<T>(list: (&'static str, &'static str, usize), items: &[T]) -> Result<(), Self> {
        let (field, unit, limit) = list;
        if items.is_empty() {
            Err(Self::Empty { field })
        } else {
            Self::at_most(field, unit, limit, items.len())
        }
    }
}
