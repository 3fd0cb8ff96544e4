use std::collections::HashMap;

use crate::entry::{Delivery, Entry, Irregularities, Transition};
use crate::{Event, MessageTag, Period, Usage, UsageKey, Zone};

/// The entries of an account's messages, and the counts that follow from them.
///
/// Kept in memory: what a store keeps is the [`Entry`] of each message and the counts by [`UsageKey`],
/// written together as [`Transition`] says. From the entries the counts can be made anew and compared.
#[derive(Debug, Clone)]
pub struct Ledger {
    zone: Zone,
    entries: HashMap<MessageTag, Entry>,
    usage: Usage,
}

/// A count that is not what follows from the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drift {
    /// Of what.
    pub key: UsageKey,
    /// What was counted.
    pub counted: i64,
    /// What follows.
    pub folded: i64,
}

/// Where what was `counted` is not what was `folded`.
pub(crate) fn drift_between(counted: &Usage, folded: &Usage) -> Vec<Drift> {
    let mut keys: Vec<_> = counted.counts().into_iter().chain(folded.counts()).map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    let drift = |key| Drift { key, counted: counted.units(key), folded: folded.units(key) };
    keys.into_iter().map(drift).filter(|drift| drift.counted != drift.folded).collect()
}

impl Ledger {
    /// That of an account in `zone`, without messages.
    #[must_use]
    pub fn new(zone: Zone) -> Self {
        Self { zone, entries: HashMap::new(), usage: Usage::new() }
    }

    /// That with these stored entries; a tag that comes twice counts with its last one.
    #[must_use]
    pub fn from_entries(zone: Zone, entries: impl IntoIterator<Item = (MessageTag, Entry)>) -> Self {
        let entries = entries.into_iter().collect();
        let mut ledger = Self { zone, entries, usage: Usage::new() };
        ledger.usage = ledger.folded();
        ledger
    }

    /// Takes `event` in, and counts what changes by it.
    pub fn apply(&mut self, event: &Event) -> Transition {
        let entry = self.entries.entry(event.tag).or_default();
        let transition = entry.apply(event, &self.zone);
        for (key, units) in transition.changes() {
            self.usage.add(key, units);
        }
        transition
    }

    /// The counts.
    #[must_use]
    pub const fn usage(&self) -> &Usage {
        &self.usage
    }

    /// The clock it goes by.
    #[must_use]
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// What is held of a message.
    #[must_use]
    pub fn entry(&self, tag: MessageTag) -> Option<&Entry> {
        self.entries.get(&tag)
    }

    /// The counts that follow from the entries.
    #[must_use]
    pub fn folded(&self) -> Usage {
        let deliveries = self.entries.values().filter_map(|entry| entry.delivery(&self.zone));
        deliveries.map(|delivery| (delivery.key, i64::from(delivery.units))).collect()
    }

    /// Where `counted`, which was kept beside the entries, is not what follows from them.
    #[must_use]
    pub fn drift(&self, counted: &Usage) -> Vec<Drift> {
        drift_between(counted, &self.folded())
    }

    /// What was delivered in `period`, by tag.
    #[must_use]
    pub fn deliveries(&self, period: Period) -> Vec<(MessageTag, Delivery)> {
        let all = self.entries.iter().filter_map(|(tag, entry)| Some((*tag, entry.delivery(&self.zone)?)));
        let mut deliveries: Vec<_> = all.filter(|(_, it)| period.contains(it.key.hour())).collect();
        deliveries.sort_unstable_by_key(|(tag, _)| *tag);
        deliveries
    }

    /// How often what had to be put right.
    #[must_use]
    pub fn irregularities(&self) -> Irregularities {
        self.entries.values().map(Entry::irregularities).fold(Irregularities::default(), Irregularities::plus)
    }
}
