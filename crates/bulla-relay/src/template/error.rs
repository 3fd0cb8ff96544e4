use bulla_content::InvalidContent;
use bulla_store::StoreError;
use thiserror::Error;

use super::{TemplatePart, TemplateStatus};
use crate::SubmitError;

/// Why a template cannot be sent as the message says. The business's move.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TemplateRefusal {
    /// The account has no template of this name in this language.
    #[error("the account has no such template in this language")]
    Unknown {
        /// The one that comes nearest, if one comes near: its name and its language.
        nearest: Option<(String, String)>,
    },
    /// There is one, and it may not be sent.
    #[error("the template is {}", status.name())]
    NotApproved {
        /// What it is.
        status: TemplateStatus,
    },
    /// A part has more or fewer places than are filled in.
    #[error("{part}: {actual} parameters, where the template takes {expected}")]
    Count {
        /// Which part.
        part: TemplatePart,
        /// How many were given.
        actual: usize,
        /// How many there have to be.
        expected: usize,
    },
    /// Nothing is given for a part that has to be filled in.
    #[error("{part}: {expected} is missing")]
    Missing {
        /// Which part.
        part: TemplatePart,
        /// What has to be given.
        expected: &'static str,
    },
    /// Something else is given than the template takes.
    #[error("{part}: the template takes {expected} there")]
    Format {
        /// Which part.
        part: TemplatePart,
        /// What it takes.
        expected: &'static str,
    },
    /// A place is named that the template does not have, or one that it has is not.
    #[error("{part}: the parameters are not named as the template's places")]
    Names {
        /// Which part.
        part: TemplatePart,
        /// How they are named.
        expected: Vec<String>,
    },
    /// Filled in, it breaks a bound.
    #[error("what it comes to when it is filled in cannot be sent")]
    Rendered(#[from] InvalidContent),
}

/// Why a template was not created, found, edited or deleted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The caller's move: the account has no such template.
    #[error("there is no such template")]
    Unknown,
    /// The caller's move: the relay has no number of this account.
    #[error("the relay has no number of this account")]
    UnknownAccount,
    /// The caller's move: the account has a template of this name in this language.
    #[error("there is a template of this name in this language")]
    Exists,
    /// The caller's move: the account has as many templates as it may. Delete some.
    #[error("the account has {limit} templates, which is as many as it may")]
    TooMany {
        /// How many it may have.
        limit: u64,
    },
    /// The caller's move: the definition breaks a bound.
    #[error("the template is not one that can be sent")]
    Invalid(#[from] InvalidContent),
    /// As when a message is accepted.
    #[error("the relay does not keep templates just now")]
    Submit(#[from] SubmitError),
}

impl From<StoreError> for TemplateError {
    fn from(source: StoreError) -> Self {
        Self::Submit(SubmitError::Store(source))
    }
}
