use crate::limits::{MAX_SCORE, MAX_WEAK_SCORE};

/// Something that who cannot read messages can see, and that honest businesses seldom do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// Users who block it, or report it, of those it reaches.
    Feedback,
    /// Users who report that a message was declared to be something else than it is.
    Category,
    /// Numbers that nobody has, of those it writes to.
    Unreachable,
    /// Numbers beside those it has just written to: it tries one after the other.
    Neighbours,
    /// More new users in an hour than it ever had in one.
    Burst,
    /// Many new users on the day it was registered.
    Registration,
    /// Hardly anybody answers.
    Silence,
    /// Hardly anything but templates.
    Templates,
    /// It writes to users faster than it may.
    PairRate,
}

/// How often something was seen, and how much it says.
///
/// Each observation is weighed by how much likelier it is of a business that does harm than of one that does
/// not, as the logarithm of that ratio in thousandths (Page's cumulative sum): of what is good the score
/// goes down, never below nothing. It does not go down by waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Evidence {
    score: u16,
    bad: u32,
    seen: u32,
}

impl Signal {
    /// Those that are kept as [`Evidence`], in the order in which they are stored.
    pub const STRONG: [Self; 4] = [Self::Feedback, Self::Category, Self::Unreachable, Self::Neighbours];

    /// Those that only strengthen the others: honest businesses show them, too.
    pub const WEAK: [Self; 5] =
        [Self::Burst, Self::Registration, Self::Silence, Self::Templates, Self::PairRate];

    /// The signal with this code, if there is one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::STRONG.into_iter().chain(Self::WEAK).find(|signal| signal.code() == code)
    }

    /// A name for counters, and for the business.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Feedback => "feedback",
            Self::Category => "category",
            Self::Unreachable => "unreachable",
            Self::Neighbours => "neighbours",
            Self::Burst => "burst",
            Self::Registration => "registration",
            Self::Silence => "silence",
            Self::Templates => "templates",
            Self::PairRate => "pair rate",
        }
    }

    /// The code under which it is stored.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Feedback => 1,
            Self::Category => 2,
            Self::Unreachable => 3,
            Self::Neighbours => 4,
            Self::Burst => 5,
            Self::Registration => 6,
            Self::Silence => 7,
            Self::Templates => 8,
            Self::PairRate => 9,
        }
    }

    /// What one bad and one good observation weigh, in thousandths: ln(p₁ / p₀) and ln((1 − p₁) / (1 − p₀)),
    /// where p₀ is more than honest businesses have and p₁ less than harmful ones.
    const fn weights(self) -> (u16, u16) {
        match self {
            // 1 % against 8 %.
            Self::Feedback => (2_079, 73),
            // 0.02 % against 1 %.
            Self::Category => (3_912, 10),
            // 4 % against 30 %.
            Self::Unreachable => (2_015, 316),
            // 4 % against 50 %.
            Self::Neighbours => (2_526, 652),
            // Weak ones have levels, and no weights.
            _ => (0, 0),
        }
    }
}

impl Evidence {
    pub(crate) const fn new(score: u16, bad: u32, seen: u32) -> Self {
        Self { score, bad, seen }
    }

    pub(crate) fn weak(score: u32, bad: u32, seen: u32) -> Self {
        Self { score: u16::try_from(score.min(MAX_WEAK_SCORE)).unwrap_or(u16::MAX), bad, seen }
    }

    /// Something was seen of which `is_bad` says which it is.
    pub(crate) fn note(&mut self, signal: Signal, is_bad: bool) {
        let (bad, good) = signal.weights();
        self.score = match is_bad {
            true => self.score.saturating_add(bad).min(MAX_SCORE),
            false => self.score.saturating_sub(good),
        };
        self.bad = self.bad.saturating_add(u32::from(is_bad));
        self.seen = self.seen.saturating_add(u32::from(!is_bad));
    }

    /// So many of a batch were bad, and so many good.
    pub(crate) fn settle(&mut self, signal: Signal, bad: u32, good: u32) {
        let (bad_weight, good_weight) = signal.weights();
        let up = u64::from(self.score) + u64::from(bad) * u64::from(bad_weight);
        let score = up.saturating_sub(u64::from(good) * u64::from(good_weight)).min(u64::from(MAX_SCORE));
        self.score = u16::try_from(score).unwrap_or(MAX_SCORE);
        self.bad = self.bad.saturating_add(bad);
        self.seen = self.seen.saturating_add(good);
    }

    /// How much it says, in thousandths.
    #[must_use]
    pub const fn score(&self) -> u16 {
        self.score
    }

    /// How many of it were bad.
    #[must_use]
    pub const fn bad(&self) -> u32 {
        self.bad
    }

    /// How many were good.
    #[must_use]
    pub const fn seen(&self) -> u32 {
        self.seen
    }
}
