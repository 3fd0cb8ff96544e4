//! Why a program ends before it should.

use std::error::Error;

/// A sentence for the person in front of the program, and what caused it.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct ExitError {
    what: String,
    #[source]
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ExitError {
    /// The problem that `what` says, with no other cause.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), cause: None }
    }

    /// Makes a problem of its cause.
    pub fn because<E>(what: impl Into<String>) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        |cause| Self { what: what.into(), cause: Some(cause.into()) }
    }

    /// The whole story in one line: the problem and its causes, down to the first.
    #[must_use]
    pub fn with_causes(&self) -> String {
        let causes = std::iter::successors(self.source(), |cause| (*cause).source());
        causes.fold(self.what.clone(), |story, cause| format!("{story}: {cause}"))
    }
}
