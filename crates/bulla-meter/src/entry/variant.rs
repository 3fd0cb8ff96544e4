use bulla_base::Timestamp;

use crate::error::invalid;
use crate::form::Reader;
use crate::{Event, Facts, InvalidForm, Step};

/// What is known of a message under the same facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) facts: Facts,
    /// Events with a time, with what is doubled.
    timed: u32,
    /// The earliest of each step, by its place.
    times: [Option<Timestamp>; 5],
    charge: Option<Charge>,
}

/// What was charged, as often as it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Charge {
    /// The least of all that was said.
    micros: u64,
    /// How often that was said.
    same: u32,
    /// How often anything was.
    all: u32,
}

/// The bit of the charge among the steps.
const CHARGED: u8 = 1 << 5;

impl Variant {
    pub(super) const fn new(facts: Facts) -> Self {
        Self { facts, timed: 0, times: [None; 5], charge: None }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, InvalidForm> {
        let wrong = || invalid("variant of an entry", "facts, and as many steps as it says");
        let facts = Facts::from_bytes(&reader.array()?).ok_or_else(wrong)?;
        let (timed, steps) = (reader.u32()?, reader.u8()?);
        let mut times = [None; 5];
        for (place, time) in times.iter_mut().enumerate() {
            if steps >> place & 1 == 1 {
                *time = Some(Timestamp::from_millis(reader.u64()?));
            }
        }
        let is_charged = steps & CHARGED != 0;
        let charge = match is_charged {
            true => Some(Charge { micros: reader.u64()?, same: reader.u32()?, all: reader.u32()? }),
            false => None,
        };
        let count = times.iter().flatten().count();
        let is_sound = charge.is_none_or(|charge| 0 < charge.same && charge.same <= charge.all);
        let is_counted =
            usize::try_from(timed).is_ok_and(|timed| timed >= count && (count > 0) == (timed > 0));
        if steps == 0 || steps > 0x3f || !is_sound || !is_counted {
            return Err(wrong());
        }
        Ok(Self { facts, timed, times, charge })
    }

    pub(super) fn apply(&mut self, event: &Event) {
        if let Step::Charged(micros) = event.step {
            let charge = self.charge.get_or_insert(Charge { micros, same: 0, all: 0 });
            if micros < charge.micros {
                (charge.micros, charge.same) = (micros, 0);
            }
            if micros == charge.micros {
                charge.same = charge.same.saturating_add(1);
            }
            charge.all = charge.all.saturating_add(1);
        }
        if let Some(time) = event.step.place().and_then(|place| self.times.get_mut(place)) {
            self.timed = self.timed.saturating_add(1);
            *time = Some(time.map_or(event.at, |known| known.min(event.at)));
        }
    }

    /// When it was delivered or read, whichever was first.
    pub(super) fn delivered(&self) -> Option<Timestamp> {
        let [_, _, delivered, read, _] = self.times;
        [delivered, read].into_iter().flatten().min()
    }

    pub(super) fn charged(&self) -> Option<u64> {
        self.charge.map(|charge| charge.micros)
    }

    /// All events.
    pub(super) fn events(&self) -> u32 {
        self.timed.saturating_add(self.charge.map_or(0, |charge| charge.all))
    }

    /// Events that said what was known.
    pub(super) fn doubled(&self) -> u32 {
        let steps = u32::try_from(self.times.iter().flatten().count()).unwrap_or_default();
        let charges = self.charge.map_or(0, |charge| charge.same.saturating_sub(1));
        self.timed.saturating_sub(steps).saturating_add(charges)
    }

    /// Charges that were not the least.
    pub(super) fn contradicted(&self) -> u32 {
        self.charge.map_or(0, |charge| charge.all - charge.same)
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.facts.to_bytes());
        bytes.extend(self.timed.to_be_bytes());
        let steps = self.times.iter().rev().fold(0, |steps, time| steps << 1 | u8::from(time.is_some()));
        bytes.push(steps | if self.charge.is_some() { CHARGED } else { 0 });
        for time in self.times.iter().flatten() {
            bytes.extend(time.as_millis().to_be_bytes());
        }
        if let Some(Charge { micros, same, all }) = self.charge {
            bytes.extend(micros.to_be_bytes());
            bytes.extend(same.to_be_bytes());
            bytes.extend(all.to_be_bytes());
        }
    }
}
