use std::collections::BTreeMap;
use std::fmt;

use crate::{Amount, Leaf, MessageTag};

/// What two sides do not agree on, as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// By tag.
    differences: Vec<Difference>,
    exchanged: usize,
    rounds: usize,
}

/// A message that the sides do not have alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// In what.
    pub kind: DifferenceKind,
    /// What we have, if anything.
    pub here: Option<Leaf>,
    /// What they have.
    pub there: Option<Leaf>,
}

/// In what two sides differ about a message; where in several, the first of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DifferenceKind {
    /// Only we have it.
    OnlyHere,
    /// Only they have it.
    OnlyThere,
    /// It is billed as something else.
    OtherCategory,
    /// It costs something else.
    OtherPrice,
    /// It was delivered in another hour.
    OtherHour,
    /// Something else, such as the market.
    Other,
}

impl DifferenceKind {
    /// What a person reads.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnlyHere => "only here",
            Self::OnlyThere => "only there",
            Self::OtherCategory => "other category",
            Self::OtherPrice => "other price",
            Self::OtherHour => "other hour",
            Self::Other => "otherwise other",
        }
    }

    fn between(here: &Leaf, there: &Leaf) -> Self {
        let price = |leaf: &Leaf| (leaf.pricing_type, leaf.tier, leaf.micros);
        if here.traits.category != there.traits.category {
            Self::OtherCategory
        } else if price(here) != price(there) {
            Self::OtherPrice
        } else if here.hour != there.hour {
            Self::OtherHour
        } else {
            Self::Other
        }
    }
}

impl Difference {
    /// Of which message.
    #[must_use]
    pub fn tag(&self) -> Option<MessageTag> {
        self.here.or(self.there).map(|leaf| leaf.tag)
    }

    /// How much more it is here than there.
    #[must_use]
    pub fn amount(&self) -> Amount {
        let amount = |leaf: Option<Leaf>| leaf.map_or(Amount::ZERO, |leaf| leaf.amount());
        amount(self.here) + -amount(self.there)
    }
}

impl Report {
    pub(super) fn new(here: Vec<Leaf>, there: &[Leaf], exchanged: usize, rounds: usize) -> Self {
        let mut by_tag = BTreeMap::<MessageTag, (Vec<Leaf>, Vec<Leaf>)>::new();
        here.into_iter().for_each(|leaf| by_tag.entry(leaf.tag).or_default().0.push(leaf));
        there.iter().for_each(|leaf| by_tag.entry(leaf.tag).or_default().1.push(*leaf));
        let mut differences = Vec::new();
        for (here, there) in by_tag.into_values() {
            for place in 0..here.len().max(there.len()) {
                let (here, there) = (here.get(place).copied(), there.get(place).copied());
                let kind = match (&here, &there) {
                    (Some(here), Some(there)) => DifferenceKind::between(here, there),
                    (None, _) => DifferenceKind::OnlyThere,
                    (Some(_), None) => DifferenceKind::OnlyHere,
                };
                differences.push(Difference { kind, here, there });
            }
        }
        Self { differences, exchanged, rounds }
    }

    /// Each, by tag.
    #[must_use]
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// How many bytes went back and forth.
    #[must_use]
    pub const fn exchanged_bytes(&self) -> usize {
        self.exchanged
    }

    /// How often was asked.
    #[must_use]
    pub const fn rounds(&self) -> usize {
        self.rounds
    }

    /// How much more it is here than there.
    #[must_use]
    pub fn amount(&self) -> Amount {
        self.differences.iter().map(Difference::amount).sum()
    }

    /// How many of each kind, and how much more they are here than there.
    #[must_use]
    pub fn by_kind(&self) -> BTreeMap<DifferenceKind, (usize, Amount)> {
        let mut kinds = BTreeMap::<DifferenceKind, (usize, Amount)>::new();
        for difference in &self.differences {
            let (count, amount) = kinds.entry(difference.kind).or_default();
            *count += 1;
            *amount = *amount + difference.amount();
        }
        kinds
    }
}

impl fmt::Display for Report {
    /// A line for each kind, then one for each message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.differences.is_empty() {
            return writeln!(f, "Both sides agree on every message.");
        }
        writeln!(f, "{} messages differ; {} more here than there.", self.differences.len(), self.amount())?;
        for (kind, (count, amount)) in self.by_kind() {
            writeln!(f, "  {:<16}{count:>8}{amount:>22}", kind.name())?;
        }
        let told = |leaf: &Option<Leaf>| match leaf {
            None => "nothing".to_owned(),
            Some(leaf) => {
                let (category, kind) = (leaf.traits.category.name(), leaf.pricing_type.name());
                format!("{category} to {}, {kind}, {}", leaf.traits.market, leaf.amount())
            }
        };
        for difference in &self.differences {
            let Some(tag) = difference.tag() else { continue };
            let (here, there) = (told(&difference.here), told(&difference.there));
            writeln!(f, "  {tag}  {}: {here} here, {there} there", difference.kind.name())?;
        }
        Ok(())
    }
}
