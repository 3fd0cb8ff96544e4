use thiserror::Error;

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
    /// A part must be one emoji, and is none, more than one, or something beside one.
    #[error("{field} is not one emoji")]
    NotOneEmoji {
        /// The part.
        field: &'static str,
    },
    /// The bytes are not an encoded content, or it says something this version does not know.
    #[error("the content is malformed or of an unknown kind")]
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
}
