use thiserror::Error;

/// A word that is not one: the bytes or the text handed in do not form the named thing.
///
/// The move is the caller's. The value itself is never part of the error, because most words here are
/// personal.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a {what}: {why}")]
pub struct InvalidWord {
    what: &'static str,
    why: &'static str,
}

impl InvalidWord {
    pub(crate) const fn new(what: &'static str, why: &'static str) -> Self {
        Self { what, why }
    }

    /// The thing that was expected, such as `phone number`.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        self.what
    }

    /// What is wrong with the value, with the limit where there is one.
    #[must_use]
    pub const fn why(&self) -> &'static str {
        self.why
    }
}
