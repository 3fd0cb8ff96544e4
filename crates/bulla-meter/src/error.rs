use thiserror::Error;

/// The bytes, the text or the parts handed in are not what they should be. The move is whoever made them;
/// nothing was kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidForm {
    /// The bytes end too early.
    #[error("{field}: the bytes end before it does")]
    Cut {
        /// What it is.
        field: &'static str,
    },
    /// There are more bytes than the form takes.
    #[error("{field}: {bytes} bytes stand behind it")]
    LeftOver {
        /// What it is.
        field: &'static str,
        /// How many.
        bytes: usize,
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

pub(crate) const fn invalid(field: &'static str, expected: &'static str) -> InvalidForm {
    InvalidForm::Field { field, expected }
}

pub(crate) fn at_most(field: &'static str, limit: usize, actual: usize) -> Result<(), InvalidForm> {
    if actual > limit {
        return Err(InvalidForm::TooLarge { field, limit: limit as u64, actual: actual as u64 });
    }
    Ok(())
}
