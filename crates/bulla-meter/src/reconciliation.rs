//! Two sides find out where their leaves differ, without showing each other all of them.

mod comparison;
mod dialogue;
mod place;
mod report;

pub use self::comparison::Comparison;
pub use self::dialogue::{Answers, Parts, Question};
pub use self::place::{Place, Summary, TagPrefix};
pub use self::report::{Difference, DifferenceKind, Report};

use sha2::{Digest, Sha256};

use crate::error::invalid;
use crate::form::is_ascending;
use crate::limits::MAX_LEAVES_TOLD;
use crate::{Hour, InvalidForm, Leaf, LocalDate, Zone};

/// One side's leaves of a period, in the order in which they are compared: by day, hour and tag.
///
/// ```text
///   period ─► day ─► hour ─► range of tags ─► leaves
///             31     24      16, 16 …         16 at most
/// ```
///
/// Rows are compared before, from the two statements. Below an hour it is the tags that are followed and not
/// the rows: a message that one side has in another row would be in neither of the other's.
#[derive(Debug, Clone)]
pub struct Side {
    zone: Zone,
    leaves: Vec<Leaf>,
}

impl Side {
    /// That with these `leaves`, in any order. Both sides need the same zone, which their statements say.
    ///
    /// # Errors
    /// When a tag stands twice.
    pub fn new(zone: Zone, mut leaves: Vec<Leaf>) -> Result<Self, InvalidForm> {
        leaves.sort_unstable_by_key(|leaf| leaf.tag);
        if !is_ascending(&leaves, |leaf| leaf.tag) {
            return Err(invalid("leaves of a side", "tags, none twice"));
        }
        leaves.sort_unstable_by_key(|leaf| (zone.date(leaf.hour), leaf.hour, leaf.tag));
        Ok(Self { zone, leaves })
    }

    /// The leaves at `place`.
    pub(crate) fn leaves_at(&self, place: &Place) -> &[Leaf] {
        let day = |date: LocalDate| within(&self.leaves, |leaf| self.zone.date(leaf.hour).cmp(&date));
        let hour = |hour: Hour| within(day(self.zone.date(hour)), |leaf| leaf.hour.cmp(&hour));
        match place {
            Place::Period => &self.leaves,
            Place::Day(date) => day(*date),
            Place::Hour(at) => hour(*at),
            Place::Range { hour: at, prefix } => within(hour(*at), |leaf| prefix.compare(&leaf.tag)),
        }
    }

    /// What the leaves at `place` are made of.
    pub(crate) fn split(&self, place: &Place) -> Vec<(Place, Summary)> {
        let mut parts = Vec::new();
        let mut rest = self.leaves_at(place);
        while let Some(first) = rest.first() {
            let Some(part) = place.part(first, &self.zone) else { break };
            let length = rest.partition_point(|leaf| place.part(leaf, &self.zone).as_ref() == Some(&part));
            let (leaves, behind) = rest.split_at(length.max(1));
            parts.push((part, Summary::of(leaves)));
            rest = behind;
        }
        parts
    }

    /// What is at each place that `question` asks about.
    ///
    /// # Errors
    /// When its places have more leaves together than there are, for some are in others. Nothing is hashed
    /// then.
    ///
    /// # Cost
    /// What is asked about is hashed, and no more leaves than there are.
    pub fn answer(&self, question: &Question) -> Result<Answers, InvalidForm> {
        let asked: Vec<_> = question.places().iter().map(|place| (place, self.leaves_at(place))).collect();
        if asked.iter().map(|(_, leaves)| leaves.len()).sum::<usize>() > self.leaves.len() {
            return Err(invalid("question", "places of which none is in another"));
        }
        let parts = |(place, leaves): (&Place, &[Leaf])| match leaves.len() {
            ..=MAX_LEAVES_TOLD => Parts::Leaves(leaves.to_vec()),
            _ => Parts::Split(self.split(place)),
        };
        Ok(Answers::new(asked.into_iter().map(parts).collect()))
    }
}

/// The part of `leaves` that `compare` finds neither before nor behind.
fn within(leaves: &[Leaf], compare: impl Fn(&Leaf) -> std::cmp::Ordering) -> &[Leaf] {
    let from = leaves.partition_point(|leaf| compare(leaf).is_lt());
    let rest = leaves.get(from..).unwrap_or_default();
    let to = rest.partition_point(|leaf| compare(leaf).is_eq());
    rest.get(..to).unwrap_or_default()
}

impl Summary {
    fn of(leaves: &[Leaf]) -> Self {
        let mut hash = Sha256::new();
        leaves.iter().for_each(|leaf| hash.update(leaf.to_bytes()));
        let mut digest = [0; 16];
        digest.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        Self { count: u32::try_from(leaves.len()).unwrap_or(u32::MAX), digest }
    }
}
