use bulla_base::InvalidWord;
use thiserror::Error;

/// The bytes or parts handed in do not make an envelope, a bundle or an upload. The move is their sender's; nothing was kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidEnvelope {
    /// The bytes are not the wire form at all.
    #[error("the bytes are not well-formed")]
    Malformed,
    /// A field that must be there is missing or is none of its known values.
    #[error("{field} is missing or unknown")]
    Field {
        /// The field's name.
        field: &'static str,
    },
    /// A field is larger than allowed.
    #[error("{field} of {actual} is larger than the {limit} allowed")]
    TooLarge {
        /// The field's name, with its unit.
        field: &'static str,
        /// How large it is.
        actual: usize,
        /// How large it may be.
        limit: usize,
    },
    /// An address or id is not one.
    #[error("{field} is not valid")]
    Word {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: InvalidWord,
    },
}

impl InvalidEnvelope {
    pub(crate) fn at_most(field: &'static str, limit: usize, actual: usize) -> Result<(), Self> {
        if actual > limit { Err(Self::TooLarge { field, actual, limit }) } else { Ok(()) }
    }

    pub(crate) fn word(field: &'static str) -> impl FnOnce(InvalidWord) -> Self {
        move |source| Self::Word { field, source }
    }
}
