use std::fmt;

use bulla_base::{Address, Category, MessageId};

/// What a stamp binds, beside when it was made: which message, from where to where, what for, and what its
/// sender has committed to.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Acceptance {
    /// The message.
    pub id: MessageId,
    /// Who sent it: the party that was authenticated, never what anybody claims.
    pub from: Address,
    /// For whom it was queued.
    pub to: Address,
    /// The code of the kind of envelope, which means nothing here.
    pub kind: u32,
    /// What its sender has declared it to be for, if it is of a kind that has a category.
    pub category: Option<Category>,
    /// The commitment on its outside.
    pub commitment: [u8; 32],
}

impl Acceptance {
    /// A message was accepted from `from`, for `to`.
    #[must_use]
    pub const fn new(
        id: MessageId,
        from: Address,
        to: Address,
        kind: u32,
        category: Option<Category>,
        commitment: [u8; 32],
    ) -> Self {
        Self { id, from, to, kind, category, commitment }
    }
}

impl fmt::Debug for Acceptance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, from, to, kind, category, commitment: _ } = self;
        (f.debug_struct("Acceptance").field("id", id).field("from", from).field("to", to))
            .field("kind", kind)
            .field("category", category)
            .finish_non_exhaustive()
    }
}
