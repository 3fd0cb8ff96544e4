//! Bugs of whoever protects users.

use bulla_store::{Batch, Counter, Space};

use super::PlantedBug;
use super::store::changed;
use crate::disk::Disk;
use crate::machine::MachineName;
use crate::random::below;

/// Who was written to first, as the page of the carrier's records calls it.
const REACHED: Space = Space::new(0x85);
/// When a user got the last promotions.
pub(super) const MARKETING: u8 = 0x82;

impl PlantedBug {
    /// What becomes durable of a record that fails: that its user counts.
    pub(crate) fn never_released(disk: &Disk, batch: &Batch) -> Option<Batch> {
        let is_planted =
            disk.planted_bug == Some(Self::ReservationKept) && disk.machine.name == MachineName::Carrier;
        if !is_planted || !batch.adds().iter().any(is_reached) || below(&*disk.rng, 2) > 0 {
            return None;
        }
        let mut kept = Batch::new(batch.partition());
        let reached = batch.adds().iter().filter(|add| is_reached(add));
        reached.for_each(|(counter, count)| kept.add(counter.clone(), *count));
        Some(kept)
    }
}

/// The batch that removes nobody who was counted.
pub(super) fn tags_kept(batch: &Batch) -> Batch {
    if !batch.removes().iter().any(|counter| counter.space() == REACHED) {
        return changed(batch, |_| true, |_| true, 1, true);
    }
    let mut kept = Batch::new(batch.partition());
    batch.puts().iter().for_each(|put| match put.expiry {
        Some(expiry) => kept.put_until(put.key.clone(), put.value.clone(), expiry),
        None => kept.put(put.key.clone(), put.value.clone()),
    });
    batch.deletes().iter().for_each(|key| kept.delete(key.clone()));
    kept
}

/// The batch without who was written to first.
pub(super) fn nobody_reached(batch: &Batch) -> Batch {
    let mut lacking = changed(batch, |_| true, |_| true, 0, true);
    let others = batch.adds().iter().filter(|add| !is_reached(add));
    others.for_each(|(counter, count)| lacking.add(counter.clone(), *count));
    lacking
}

fn is_reached((counter, _): &(Counter, u64)) -> bool {
    counter.space() == REACHED
}
