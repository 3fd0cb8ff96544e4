/// What users think of what a business sends, as the Graph API rates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Quality {
    /// Too little was sent to tell.
    #[default]
    Unknown,
    /// High.
    Green,
    /// Medium.
    Yellow,
    /// Low.
    Red,
}

impl Quality {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Green, Self::Yellow, Self::Red];

    /// The quality with this code, if there is one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|quality| quality.code() == code)
    }

    /// The code under which it is stored.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Green => 1,
            Self::Yellow => 2,
            Self::Red => 3,
        }
    }

    /// What the Graph API calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Green => "GREEN",
            Self::Yellow => "YELLOW",
            Self::Red => "RED",
        }
    }
}
