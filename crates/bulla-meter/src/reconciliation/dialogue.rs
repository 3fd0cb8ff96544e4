use std::collections::BTreeSet;

use super::{Place, Summary};
use crate::error::{at_most, invalid};
use crate::form::{Reader, is_ascending, put_count};
use crate::limits::{MAX_LEAVES_TOLD, MAX_PARTS, MAX_PLACES_ASKED};
use crate::{InvalidForm, Leaf};

/// What one side asks the other: what is at these places?
///
/// ```text
///   places  u32, then each
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question(Vec<Place>);

/// What the other side says, for each place that was asked about.
///
/// ```text
///   answers  u32, then each
///     0  u32, then each of the parts: place, count u32, digest 16 bytes
///     1  u32, then each of the leaves, 46 bytes
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers(Vec<Parts>);

/// What is at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parts {
    /// What it is made of, in order.
    Split(Vec<(Place, Summary)>),
    /// Each leaf, in order: at most [`MAX_LEAVES_TOLD`].
    Leaves(Vec<Leaf>),
}

impl Question {
    pub(super) const fn new(places: Vec<Place>) -> Self {
        Self(places)
    }

    /// Reads the encoded form.
    ///
    /// # Errors
    /// When it asks about nothing or more than [`MAX_PLACES_ASKED`], a place is none, or one stands twice.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let mut reader = Reader::of(bytes, "question");
        let count = reader.count("places asked about", MAX_PLACES_ASKED, 1)?;
        let places = (0..count).map(|_| Place::read(&mut reader)).collect::<Result<Vec<_>, _>>()?;
        reader.end()?;
        // Each is hashed by whoever answers.
        let differ = places.iter().collect::<BTreeSet<_>>().len() == places.len();
        if differ && !places.is_empty() {
            Ok(Self(places))
        } else {
            Err(invalid("question", "a place, and none twice"))
        }
    }

    /// What it asks about.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        &self.0
    }

    /// The encoded form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_count(&mut bytes, self.0.len());
        self.0.iter().for_each(|place| place.write(&mut bytes));
        bytes
    }
}

impl Answers {
    pub(super) const fn new(parts: Vec<Parts>) -> Self {
        Self(parts)
    }

    /// Reads the encoded form.
    ///
    /// # Errors
    /// When there are more than [`MAX_PLACES_ASKED`], one has more than [`MAX_PARTS`] parts or
    /// [`MAX_LEAVES_TOLD`] leaves, or they are not in order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let mut reader = Reader::of(bytes, "answers");
        let count = reader.count("answers", MAX_PLACES_ASKED, 5)?;
        let answers = (0..count).map(|_| parts(&mut reader)).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self(answers))
    }

    /// What is at each place.
    #[must_use]
    pub fn parts(&self) -> &[Parts] {
        &self.0
    }

    /// The encoded form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_count(&mut bytes, self.0.len());
        for parts in &self.0 {
            match parts {
                Parts::Split(parts) => {
                    bytes.push(0);
                    put_count(&mut bytes, parts.len());
                    for (place, summary) in parts {
                        place.write(&mut bytes);
                        bytes.extend(summary.count.to_be_bytes());
                        bytes.extend(summary.digest);
                    }
                }
                Parts::Leaves(leaves) => {
                    bytes.push(1);
                    put_count(&mut bytes, leaves.len());
                    leaves.iter().for_each(|leaf| bytes.extend(leaf.to_bytes()));
                }
            }
        }
        bytes
    }
}

fn parts(reader: &mut Reader<'_>) -> Result<Parts, InvalidForm> {
    let disordered = || invalid("answer about a place", "parts or leaves in order");
    match reader.u8()? {
        0 => {
            let count = reader.count("parts of a place", MAX_PARTS, 25)?;
            let mut parts = Vec::with_capacity(count);
            for _ in 0..count {
                let place = Place::read(reader)?;
                parts.push((place, Summary { count: reader.u32()?, digest: reader.array()? }));
            }
            if is_ascending(&parts, |(place, _)| *place) {
                Ok(Parts::Split(parts))
            } else {
                Err(disordered())
            }
        }
        1 => {
            let count = reader.u32()? as usize;
            at_most("leaves of a place", MAX_LEAVES_TOLD, count)?;
            let leaves = (0..count).map(|_| Leaf::read(reader)).collect::<Result<Vec<_>, _>>()?;
            let in_order = leaves.is_sorted_by(|left, right| left.tag <= right.tag);
            let is_sorted = leaves.is_sorted_by_key(|leaf| leaf.hour) || in_order;
            if is_sorted { Ok(Parts::Leaves(leaves)) } else { Err(disordered()) }
        }
        _ => Err(invalid("answer about a place", "parts or leaves")),
    }
}
