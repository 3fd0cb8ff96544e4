use bulla_base::{Quality, Tier, Timestamp};

use crate::Restriction;

/// How a business stands with a carrier that protects users, as the business is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct BusinessStanding {
    /// What users think of what it sends.
    pub quality: Quality,
    /// Whether it was warned, or worse.
    pub is_warned: bool,
    /// What restricts it, and until when, if that is known.
    pub restriction: Option<(Restriction, Option<Timestamp>)>,
    /// How many users it may write to first in a moving 24 hours, if the carrier counts them.
    pub tier: Option<Tier>,
}

impl BusinessStanding {
    /// Nothing was done about a business whose quality this is.
    #[must_use]
    pub const fn new(quality: Quality) -> Self {
        Self { quality, is_warned: false, restriction: None, tier: None }
    }

    /// The same, of one that was warned.
    #[must_use]
    pub const fn warned(mut self) -> Self {
        self.is_warned = true;
        self
    }

    /// The same, of one that is restricted, and so was warned.
    #[must_use]
    pub const fn restricted(mut self, restriction: Restriction, until: Option<Timestamp>) -> Self {
        self.restriction = Some((restriction, until));
        self.warned()
    }

    /// The same, of one that is in this tier.
    #[must_use]
    pub const fn within(mut self, tier: Tier) -> Self {
        self.tier = Some(tier);
        self
    }
}
