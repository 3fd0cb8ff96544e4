mod variant;

use std::time::Duration;

use self::variant::Variant;
use crate::error::{at_most, invalid};
use crate::form::{Reader, is_ascending};
use crate::limits::{GRACE_MINUTES, MAX_VARIANTS};
use crate::{Event, InvalidForm, UsageKey, Zone};

/// What a ledger holds of one message: the state machine that is the meter.
///
/// It is the same whatever the order in which its events came, and however often: of each step the earliest
/// time counts. When two events of a message do not agree on what it is billed by, the message is billed by
/// those facts that stand first in order, and the events of all others are counted as conflicting: whoever
/// disagrees changes no sum by being quick.
///
/// [`Entry::apply`] tells what changes in the counts, to be written in the same record as the entry.
///
/// ```text
///   forgotten  u32, big-endian    events of facts that there was no room for
///   late       u32                events that came after the grace
///   variants   u8, then each, by their facts
///     facts    24 bytes
///     events   u32                of the steps below, with what is doubled
///     steps    u8                 one bit each: accepted, sent, delivered, read, failed, charged
///     times    u64 each           of those that have one, in milliseconds
///     charge   u64, u32, u32      if it was charged: the least, how often that, how often any
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    forgotten: u32,
    late: u32,
    /// Ascending by their facts, at most [`MAX_VARIANTS`].
    variants: Vec<Variant>,
}

/// What of a message stands in a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// As what it is counted.
    pub key: UsageKey,
    /// How many units.
    pub units: u32,
    /// What a bid came to, in micro-units a unit.
    pub charged: Option<u64>,
}

impl Delivery {
    /// So many units of this, and what a bid came to.
    #[must_use]
    pub const fn new(key: UsageKey, units: u32, charged: Option<u64>) -> Self {
        Self { key, units, charged }
    }
}

/// What an event was to its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It told something new.
    New,
    /// It told what was known, perhaps with another time.
    Doubled,
    /// It contradicts what was known of the message. Both sides should look.
    Conflicting,
}

/// What an event does to the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// What the event was.
    pub outcome: Outcome,
    /// What was counted of the message before.
    pub before: Option<Delivery>,
    /// What is counted of it now.
    pub after: Option<Delivery>,
}

impl Transition {
    /// What to add to the counts, in the record that writes the entry: nothing, or up to two changes.
    pub fn changes(&self) -> impl Iterator<Item = (UsageKey, i64)> + use<> {
        let count = |delivery: Delivery| (delivery.key, i64::from(delivery.units));
        let (before, after) = (self.before.map(count), self.after.map(count));
        let moved = before != after;
        let taken = before.map(|(key, units)| (key, -units));
        taken.into_iter().chain(after).filter(move |_| moved)
    }
}

/// How often what had to be put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Irregularities {
    /// Events that came after the grace.
    pub late: u64,
    /// Events that said again what was known.
    pub doubled: u64,
    /// Events that contradicted.
    pub conflicting: u64,
}

impl Irregularities {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            late: self.late.saturating_add(other.late),
            doubled: self.doubled.saturating_add(other.doubled),
            conflicting: self.conflicting.saturating_add(other.conflicting),
        }
    }
}

impl Entry {
    /// That of a message of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the encoded form.
    ///
    /// # Errors
    /// When it is not as [`Entry`] has it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let mut reader = Reader::of(bytes, "entry");
        let (forgotten, late) = (reader.u32()?, reader.u32()?);
        let count = usize::from(reader.u8()?);
        at_most("variants of the entry", MAX_VARIANTS, count)?;
        let variants = (0..count).map(|_| Variant::read(&mut reader)).collect::<Result<Vec<_>, _>>()?;
        reader.end()?;
        if !is_ascending(&variants, |variant| variant.facts)
            || (forgotten > 0 && variants.len() < MAX_VARIANTS)
        {
            return Err(invalid("variants of the entry", "ascending, and full before one is forgotten"));
        }
        Ok(Self { forgotten, late, variants })
    }

    /// Takes `event` in.
    ///
    /// # Cost
    /// A look at each of at most four variants; an allocation for the first event of a message.
    pub fn apply(&mut self, event: &Event, zone: &Zone) -> Transition {
        let before = self.delivery(zone);
        let was = self.irregularities();
        let grace = Duration::from_secs(u64::from(GRACE_MINUTES) * 60);
        if event.known.since(event.at) > grace {
            self.late = self.late.saturating_add(1);
        }
        match self.variants.binary_search_by_key(&event.facts, |variant| variant.facts) {
            Ok(place) => {
                if let Some(variant) = self.variants.get_mut(place) {
                    variant.apply(event);
                }
            }
            // Behind all that there is room for.
            Err(MAX_VARIANTS..) => self.forgotten = self.forgotten.saturating_add(1),
            Err(place) => {
                let mut variant = Variant::new(event.facts);
                variant.apply(event);
                self.variants.insert(place, variant);
                if self.variants.len() > MAX_VARIANTS {
                    let last = self.variants.pop().map_or(0, |variant| variant.events());
                    self.forgotten = self.forgotten.saturating_add(last);
                }
            }
        }
        let now = self.irregularities();
        let outcome = match (now.conflicting > was.conflicting, now.doubled > was.doubled) {
            (true, _) => Outcome::Conflicting,
            (false, true) => Outcome::Doubled,
            (false, false) => Outcome::New,
        };
        Transition { outcome, before, after: self.delivery(zone) }
    }

    /// What of the message is billed, if it was delivered or read: in the hour of whichever was first.
    #[must_use]
    pub fn delivery(&self, zone: &Zone) -> Option<Delivery> {
        let variant = self.variants.first()?;
        let facts = variant.facts;
        let hour = zone.hour(variant.delivered()?);
        let key = UsageKey::new(facts.account, facts.number, hour, facts.traits);
        Some(Delivery { key, units: facts.units, charged: variant.charged() })
    }

    /// How often what of it had to be put right.
    #[must_use]
    pub fn irregularities(&self) -> Irregularities {
        let Some((first, others)) = self.variants.split_first() else { return Irregularities::default() };
        let of_others: u64 = others.iter().map(|variant| u64::from(variant.events())).sum();
        Irregularities {
            late: u64::from(self.late),
            doubled: u64::from(first.doubled()),
            conflicting: of_others + u64::from(self.forgotten) + u64::from(first.contradicted()),
        }
    }

    /// The encoded form: 62 bytes for most messages, and at most 393.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend(self.forgotten.to_be_bytes());
        bytes.extend(self.late.to_be_bytes());
        bytes.push(u8::try_from(self.variants.len()).unwrap_or(u8::MAX));
        self.variants.iter().for_each(|variant| variant.write(&mut bytes));
        bytes
    }
}
