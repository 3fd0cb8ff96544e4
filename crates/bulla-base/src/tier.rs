/// How many users a business may write to outside their windows in a moving 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Tier {
    /// 250: whoever nobody knows yet.
    #[default]
    Users250,
    /// 2,000.
    Users2K,
    /// 10,000.
    Users10K,
    /// 100,000.
    Users100K,
    /// As many as are counted at all.
    Unlimited,
}

impl Tier {
    /// All of them, from the lowest.
    pub const ALL: [Self; 5] =
        [Self::Users250, Self::Users2K, Self::Users10K, Self::Users100K, Self::Unlimited];

    /// The tier with this code, if there is one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.code() == code)
    }

    /// The code under which it is stored.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Users250 => 1,
            Self::Users2K => 2,
            Self::Users10K => 3,
            Self::Users100K => 4,
            Self::Unlimited => 5,
        }
    }

    /// How many users; nothing when there is no limit.
    #[must_use]
    pub const fn users(self) -> Option<u32> {
        match self {
            Self::Users250 => Some(250),
            Self::Users2K => Some(2_000),
            Self::Users10K => Some(10_000),
            Self::Users100K => Some(100_000),
            Self::Unlimited => None,
        }
    }

    /// What the Graph API calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users250 => "TIER_250",
            Self::Users2K => "TIER_2K",
            Self::Users10K => "TIER_10K",
            Self::Users100K => "TIER_100K",
            Self::Unlimited => "TIER_UNLIMITED",
        }
    }

    /// The next higher one; the highest itself.
    #[must_use]
    pub fn above(self) -> Self {
        Self::ALL.into_iter().find(|tier| *tier > self).unwrap_or(self)
    }

    /// The next lower one; the lowest itself.
    #[must_use]
    pub fn below(self) -> Self {
        Self::ALL.into_iter().rev().find(|tier| *tier < self).unwrap_or(self)
    }
}
