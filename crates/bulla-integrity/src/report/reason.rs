/// Why somebody reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It is spam.
    Spam,
    /// The user never asked for it.
    NeverAskedFor,
    /// The user asked for it once, and does not want it any more.
    NoLongerWanted,
    /// It is offensive.
    Offensive,
    /// It is a fraud.
    Scam,
    /// It was declared to be something else than it is.
    WrongCategory,
    /// Something else.
    Other,
}

impl Reason {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::Spam,
        Self::NeverAskedFor,
        Self::NoLongerWanted,
        Self::Offensive,
        Self::Scam,
        Self::WrongCategory,
        Self::Other,
    ];

    /// The reason with this code, if there is one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The code that stands in reports.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Spam => 1,
            Self::NeverAskedFor => 2,
            Self::NoLongerWanted => 3,
            Self::Offensive => 4,
            Self::Scam => 5,
            Self::WrongCategory => 6,
            Self::Other => 7,
        }
    }

    /// A name for counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spam => "spam",
            Self::NeverAskedFor => "never asked for",
            Self::NoLongerWanted => "no longer wanted",
            Self::Offensive => "offensive",
            Self::Scam => "scam",
            Self::WrongCategory => "wrong category",
            Self::Other => "other",
        }
    }
}
