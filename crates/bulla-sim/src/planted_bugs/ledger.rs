//! Bugs of whoever charges for what was delivered.

use bulla::meter::{Hour, UsageKey};
use bulla_base::{MessageId, Timestamp};
use bulla_store::{Batch, Counter, Space};

use super::PlantedBug;
use super::store::changed;
use crate::disk::Disk;
use crate::ledger_checks;
use crate::machine::MachineName;
use crate::phone_numbers::BUSINESS;

/// The spaces that bugs are about, as the pages of their owners call them.
const MESSAGE: u8 = 0x20;
const SENT: u8 = 0x6c;
pub(super) const CHARGED: u8 = 0x7e;
const COUNTS: u8 = 0x7f;
const MESSAGES: u8 = 0x80;

/// Where the name of a count has the hour, and where the category.
const HOUR: std::ops::Range<usize> = 8..12;
const CATEGORY: usize = 14;

impl PlantedBug {
    /// What is committed first of `batch`, and then the rest of it.
    pub(crate) fn apart(disk: &Disk, batch: &Batch) -> Option<(Batch, Batch)> {
        let is_planted =
            disk.planted_bug == Some(Self::ChargedApart) && disk.machine.name == MachineName::Carrier;
        let is_charge = |(counter, _): &&(Counter, u64)| of_ledger(counter);
        if !is_planted || !batch.adds().iter().any(|add| is_charge(&add)) {
            return None;
        }
        let mut charges = Batch::new(batch.partition());
        batch
            .adds()
            .iter()
            .filter(is_charge)
            .for_each(|(counter, count)| charges.add(counter.clone(), *count));
        let mut rest = changed(batch, |_| true, |_| true, 0, true);
        let others = batch.adds().iter().filter(|add| !is_charge(add));
        others.for_each(|(counter, count)| rest.add(counter.clone(), *count));
        Some((charges, rest))
    }
}

/// The batch that charges for the messages it sends as well.
pub(super) fn charged_when_sent(mut batch: Batch) -> Batch {
    let Some((sent, _)) = batch.adds().iter().find(|(counter, _)| counter.space().number() == SENT) else {
        return batch;
    };
    let mut name = sent.name().to_vec();
    let messages = batch.puts().iter().filter(|put| put.key.space().number() == MESSAGE);
    let ids: Vec<_> =
        messages.filter_map(|put| MessageId::from_bytes(put.key.name().get(8..)?).ok()).collect();
    for id in ids {
        name.truncate(UsageKey::BYTES - 8);
        name[HOUR].copy_from_slice(&Hour::quarter(id.time()).minutes().to_be_bytes());
        batch.add(Counter::new(Space::new(COUNTS), name.clone()), 1);
        name.extend(ledger_checks::settings().tags().tag_of_number(BUSINESS, id).as_bytes());
        batch.add(Counter::new(Space::new(MESSAGES), name.clone()), 1);
    }
    batch
}

/// The batch with what it charges in the hour of `now`.
pub(super) fn rated_at(now: Timestamp, batch: &Batch) -> Batch {
    renamed(batch, |name| name[HOUR].copy_from_slice(&Hour::quarter(now).minutes().to_be_bytes()))
}

/// The batch with what it charges as if it were of no category.
pub(super) fn without_category(batch: &Batch) -> Batch {
    renamed(batch, |name| name[CATEGORY] = 0)
}

fn renamed(batch: &Batch, rename: impl Fn(&mut Vec<u8>)) -> Batch {
    let mut changed = changed(batch, |_| true, |_| true, 0, true);
    for (counter, count) in batch.adds() {
        let mut name = counter.name().to_vec();
        if of_ledger(counter) {
            rename(&mut name);
        }
        changed.add(Counter::new(counter.space(), name), *count);
    }
    changed
}

fn of_ledger(counter: &Counter) -> bool {
    [COUNTS, MESSAGES].contains(&counter.space().number())
}
