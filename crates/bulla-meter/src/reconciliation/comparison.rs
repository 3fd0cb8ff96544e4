use std::collections::{BTreeMap, VecDeque};

use super::report::Report;
use super::{Answers, Parts, Place, Question, Side};
use crate::error::{at_most, invalid};
use crate::limits::{MAX_PLACES_ASKED, MAX_PLACES_COMPARED};
use crate::{InvalidForm, Leaf};

/// One side's search for what differs: it asks, is answered, and asks on until nothing is open.
///
/// Sans-I/O: whoever drives it carries [`Question`]s to the other [`Side`] and its [`Answers`] back, as
/// bytes.
///
/// # Cost
/// What differs is followed down, and nothing else: some four kilobytes a difference, and fewer where several
/// stand together.
#[derive(Debug)]
pub struct Comparison<'a> {
    side: &'a Side,
    open: VecDeque<Place>,
    asked: Vec<Place>,
    only_here: Vec<Leaf>,
    only_there: Vec<Leaf>,
    /// How many places were asked about.
    places: usize,
    exchanged: usize,
    rounds: usize,
}

impl<'a> Comparison<'a> {
    /// Compares `side` with another.
    #[must_use]
    pub fn new(side: &'a Side) -> Self {
        let open = VecDeque::from([Place::Period]);
        let (asked, only_here, only_there) = Default::default();
        Self { side, open, asked, only_here, only_there, places: 0, exchanged: 0, rounds: 0 }
    }

    /// What to ask next; nothing when all is known. A question that was not answered is asked again.
    pub fn question(&mut self) -> Option<Question> {
        if self.asked.is_empty() {
            let count = self.open.len().min(MAX_PLACES_ASKED);
            self.asked = self.open.drain(..count).collect();
        }
        if self.asked.is_empty() {
            return None;
        }
        let question = Question::new(self.asked.clone());
        self.exchanged += question.to_bytes().len();
        Some(question)
    }

    /// Takes the answers to what was asked last.
    ///
    /// # Errors
    /// When they are not as many, or tell of what was not asked; when more than [`MAX_PLACES_COMPARED`] were
    /// asked about. Nothing is taken then.
    pub fn answer(&mut self, answers: &Answers) -> Result<(), InvalidForm> {
        self.check(answers)?;
        let places = self.places + answers.parts().len();
        at_most("places that differ", MAX_PLACES_COMPARED, places)?;
        self.places = places;
        self.exchanged += answers.to_bytes().len();
        self.rounds += 1;
        for (place, parts) in std::mem::take(&mut self.asked).iter().zip(answers.parts()) {
            match parts {
                Parts::Leaves(leaves) => self.leaves(place, leaves),
                Parts::Split(parts) => {
                    let theirs: BTreeMap<_, _> = parts.iter().copied().collect();
                    let ours: BTreeMap<_, _> = self.side.split(place).into_iter().collect();
                    for part in ours.keys().filter(|part| !theirs.contains_key(part)) {
                        self.only_here.extend(self.side.leaves_at(part));
                    }
                    let differs = |(part, summary): &(Place, _)| ours.get(part) != Some(summary);
                    self.open.extend(parts.iter().filter(|part| differs(part)).map(|(part, _)| *part));
                }
            }
        }
        Ok(())
    }

    fn check(&self, answers: &Answers) -> Result<(), InvalidForm> {
        let zone = &self.side.zone;
        let fits = |(place, parts): (&Place, &Parts)| match parts {
            Parts::Leaves(leaves) => leaves.iter().all(|leaf| place.holds(leaf, zone)),
            Parts::Split(parts) => parts.iter().all(|(part, _)| place.has(part, zone)),
        };
        let is_whole = answers.parts().len() == self.asked.len();
        if !is_whole || !self.asked.iter().zip(answers.parts()).all(fits) {
            return Err(invalid("answers", "one for each place that was asked about, and about that"));
        }
        Ok(())
    }

    /// What of the leaves at `place` stands on one side only.
    fn leaves(&mut self, place: &Place, theirs: &[Leaf]) {
        let ours = self.side.leaves_at(place);
        let sorted = |leaves: &[Leaf]| {
            let mut leaves = leaves.to_vec();
            leaves.sort_unstable();
            leaves
        };
        let (here, there) = (sorted(ours), sorted(theirs));
        self.only_here.extend(here.iter().filter(|leaf| there.binary_search(leaf).is_err()));
        self.only_there.extend(there.iter().filter(|leaf| here.binary_search(leaf).is_err()));
    }

    /// What was found.
    ///
    /// # Errors
    /// When something is still open.
    pub fn finish(self) -> Result<Report, InvalidForm> {
        if !self.open.is_empty() || !self.asked.is_empty() {
            return Err(invalid("comparison", "an answer to every question"));
        }
        Ok(Report::new(self.only_here, &self.only_there, self.exchanged, self.rounds))
    }
}
