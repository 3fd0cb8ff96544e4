use thiserror::Error;

/// The bytes or numbers handed in are not what they should be. The move is whoever made them; nothing was
/// kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidForm {
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

/// A report is well-formed and does not count. The move is the reporter's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotProven {
    /// One of its messages was not accepted as it says: by this carrier, from that sender, for this reporter,
    /// then and with that content. Which of it is wrong is nobody's to know.
    #[error("a message of the report was not sent as it says")]
    NotSent,
    /// The key of the day on which one of its messages was accepted is destroyed.
    #[error("a message of the report is too old to be proved")]
    TooOld,
}

pub(crate) const fn at_most(field: &'static str, limit: u64, actual: u64) -> Result<(), InvalidForm> {
    if actual > limit { Err(InvalidForm::TooLarge { field, limit, actual }) } else { Ok(()) }
}
