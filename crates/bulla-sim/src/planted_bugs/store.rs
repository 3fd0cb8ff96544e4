//! Bugs of whoever commits and reads.

use std::collections::BTreeSet;
use std::time::Duration;

use bulla_base::{Clock as _, Day, Partition};

use bulla_store::{Batch, Expectation, Key, Record, Scan, Version};

use super::{PlantedBug, ledger, protection};
use crate::disk::Disk;
use crate::machine::MachineName;
use crate::random::below;

/// The spaces that bugs are about, as the pages of their owners call them.
const STATE: u8 = 0x11;
const SESSIONS: u8 = 0x15;
const MESSAGE: u8 = 0x20;
const RELAY_SEEN: u8 = 0x21;
const RELAY_OUTBOX: u8 = 0x23;
const HEAD: u8 = 0x22;
const EVENTS: u8 = 0x24;
const ONCE: u8 = 0x26;
const DEAD_LETTERS: u8 = 0x63;
const DEFERRED: u8 = 0x64;
const RECIPIENT: u8 = 0x65;
const LEASE: u8 = 0x67;
const INBOX: u8 = 0x30;
const DEVICE_OUTBOX: u8 = 0x31;
const ONE_TIME_AT_CARRIER: u8 = 0x41;
const QUEUE: u8 = 0x44;
const CARRIER_SEEN: u8 = 0x45;

/// Under which numbers a conversation's head has when its user wrote last, and when all is paid for.
const LAST_INCOMING: u64 = 5;
const PAID: u64 = 6;

/// How long the name of a dead letter is, in bytes, and that of the mark that there is one.
const LETTER_BYTES: usize = 16;
const MARK_BYTES: usize = 24;

/// From which span on somebody sleeps until the next sweep.
const SWEEP: Duration = Duration::from_secs(600);
const NEVER: Duration = Duration::from_secs(100 * 24 * 3600);
const AT_ONCE: Duration = Duration::from_millis(1);

/// How many days too many are dropped.
const TOO_MANY_DAYS: u32 = 31;

impl PlantedBug {
    /// What of `batch` gets to the disk.
    pub(crate) fn batch(disk: &Disk, batch: Batch) -> Batch {
        let Some(planted_bug) = disk.planted_bug else { return batch };
        let name = disk.machine.name;
        let now_and_then = |one_in: u64| below(&*disk.rng, one_in) == 0;
        let (relay, carrier) = (name == MachineName::Relay, name == MachineName::Carrier);
        let device = matches!(name, MachineName::Device(_) | MachineName::OtherDevice(..));
        match planted_bug {
            Self::ChargedWhenSent if relay => ledger::charged_when_sent(batch),
            Self::ChargedForEachAcknowledgement if carrier => without(&batch, ledger::CHARGED),
            Self::WrongMidnight if carrier => ledger::rated_at(disk.machine.clock.now(), &batch),
            Self::TagKept if carrier => protection::tags_kept(&batch),
            Self::ReachedForgotten if carrier => protection::nobody_reached(&batch),
            Self::PromotionForgotten if carrier => without(&batch, protection::MARKETING),
            Self::CategoryLeftOut if carrier => ledger::without_category(&batch),
            Self::LostCharge if relay && !batch.adds().is_empty() && now_and_then(8) => {
                changed(&batch, |_| true, |_| true, 0, true)
            }
            Self::DoubleCharge if carrier && now_and_then(8) => changed(&batch, |_| true, |_| true, 2, true),
            Self::ChargedPerDevice if carrier => changed(&batch, |_| true, |_| true, devices(&batch), true),
            Self::ExpectationsIgnored if relay => changed(&batch, |_| true, |_| true, 1, false),
            Self::MessageRowLost if relay && now_and_then(8) => without(&batch, MESSAGE),
            Self::OutboxRowLost if relay && now_and_then(8) => without(&batch, RELAY_OUTBOX),
            Self::EventRowLost if relay && now_and_then(8) => without(&batch, EVENTS),
            Self::EventKept if relay => {
                changed(&batch, |_| true, |key| key.space().number() != EVENTS, 1, true)
            }
            Self::SessionNotSaved if relay && now_and_then(8) => without(&batch, SESSIONS),
            Self::IncarnationNotSaved if relay && disk.process.number > 1 => without(&batch, STATE),
            Self::IdempotencyForgotten if relay => without(&batch, ONCE),
            Self::SeenNotNoted if relay => without(&batch, RELAY_SEEN),
            Self::NoticeLost if device && now_and_then(2) => without(&batch, INBOX),
            Self::DeviceOutboxLost if device && now_and_then(8) => without(&batch, DEVICE_OUTBOX),
            Self::QueueRowLost if carrier && now_and_then(8) => without(&batch, QUEUE),
            Self::DuplicateNotNoted if carrier => without(&batch, CARRIER_SEEN),
            Self::OneTimeKeyKept if carrier => {
                changed(&batch, |_| true, |key| key.space().number() != ONE_TIME_AT_CARRIER, 1, true)
            }
            Self::RecipientsForgotten if relay => without(&batch, RECIPIENT),
            Self::DeferredSkipped if relay && now_and_then(4) => without(&batch, DEFERRED),
            Self::DeadLetterLost if relay => {
                changed(&batch, |key| !is_dead_letter(key, LETTER_BYTES), |_| true, 1, true)
            }
            Self::DeadLetterUnlisted if relay => {
                changed(&batch, |key| !is_dead_letter(key, MARK_BYTES), |_| true, 1, true)
            }
            Self::ReplayLost
                if relay && batch.deletes().iter().any(|key| is_dead_letter(key, LETTER_BYTES)) =>
            {
                without(&batch, EVENTS)
            }
            Self::LeaseNotSeen if relay && batch.puts().iter().any(|put| is_lease(&put.key)) => {
                changed(&batch, |_| true, |_| true, 1, false)
            }
            Self::LeaseKept if relay => changed(&batch, |_| true, |key| !is_lease(key), 1, true),
            Self::AcknowledgedKept if carrier => {
                changed(&batch, |_| true, |key| key.space().number() != QUEUE, 1, true)
            }
            _ => batch,
        }
    }

    /// Whether a batch is never taken, as if another had changed what it is about.
    pub(crate) fn blocks(disk: &Disk, batch: &Batch) -> bool {
        disk.planted_bug == Some(Self::SetAsideBlocks)
            && batch.puts().iter().any(|put| is_dead_letter(&put.key, LETTER_BYTES))
    }

    /// What of the row of `owner` under `key` is read, when this is there.
    pub(crate) fn found(disk: &Disk, owner: Partition, key: &Key, found: Option<Record>) -> Option<Record> {
        let is_first = || {
            let row = [&owner.as_bytes()[..], key.name()].concat();
            disk.machine.name == MachineName::Relay
                && key.space().number() == HEAD
                && disk.run_log.wire.is_first_read(disk.process.number, row)
        };
        match disk.planted_bug {
            Some(Self::WindowForgotten) if is_first() => {
                found.map(|head| without_field(&head, LAST_INCOMING))
            }
            Some(Self::PairRateForgotten) if is_first() => found.map(|head| without_field(&head, PAID)),
            Some(Self::LeaseNotSeen) if is_lease(key) => None,
            Some(Self::LeaseNeverOver) if is_lease(key) => found.map(|record| {
                let version = Version::new(below(&*disk.rng, u64::MAX));
                Record::new(version, record.expiry, record.value)
            }),
            _ => found,
        }
    }

    /// What is left of `batch` when power goes while it is written; nothing when it is written whole.
    pub(crate) fn torn(disk: &Disk, batch: &Batch) -> Option<Batch> {
        let is_torn = disk.planted_bug == Some(Self::TornBatch) && disk.machine.name == MachineName::Relay;
        if !is_torn || batch.puts().len() < 2 || below(&*disk.rng, 16) > 0 {
            return None;
        }
        let kept: Vec<Key> =
            batch.puts().iter().take(batch.puts().len() / 2).map(|put| put.key.clone()).collect();
        Some(changed(batch, |key| kept.contains(key), |_| false, 0, true))
    }

    /// Whether commits are told before they are durable.
    pub(crate) fn is_unsynced(disk: &Disk) -> bool {
        disk.planted_bug == Some(Self::Unsynced) && disk.machine.name == MachineName::Relay
    }

    /// Whether a read finds nothing.
    pub(crate) fn forgets(disk: &Disk) -> bool {
        disk.planted_bug == Some(Self::ReadForgets)
            && disk.machine.name == MachineName::Relay
            && below(&*disk.rng, 50) == 0
    }

    /// The page that a scan comes to.
    pub(crate) fn page(disk: &Disk, scan: &Scan, mut page: Vec<(Key, Record)>) -> Vec<(Key, Record)> {
        let is_queue = [QUEUE, RELAY_OUTBOX, EVENTS, INBOX, DEVICE_OUTBOX].contains(&scan.space().number());
        match disk.planted_bug {
            Some(Self::QueueSkips) if is_queue && below(&*disk.rng, 8) == 0 => drop(page.pop()),
            Some(Self::QueueReversed) if is_queue => page.reverse(),
            _ => {}
        }
        page
    }

    /// Before which day everything is dropped.
    pub(crate) fn dropped_before(disk: &Disk, day: Day) -> Option<Day> {
        match disk.planted_bug {
            Some(Self::NothingDropped) => None,
            Some(Self::TooMuchDropped) => Some(Day::from_number(day.number() + TOO_MANY_DAYS)),
            _ => Some(day),
        }
    }

    pub(crate) fn erases(disk: &Disk) -> bool {
        disk.planted_bug != Some(Self::NothingErased)
    }

    /// How long somebody sleeps who wants to sleep for `span`.
    pub(crate) fn sleeps(planted_bug: Option<Self>, name: MachineName, span: Duration) -> Duration {
        match planted_bug {
            Some(Self::SweepAsleep) if name == MachineName::Relay && span >= SWEEP => NEVER,
            Some(Self::SettlingAsleep) if name == MachineName::Carrier && span < SWEEP => NEVER,
            Some(Self::RetryAtOnce) if name == MachineName::Relay && span < SWEEP => span.min(AT_ONCE),
            _ => span,
        }
    }

    pub(crate) fn hides_backups(disk: &Disk) -> bool {
        disk.planted_bug == Some(Self::BackupHidden)
    }
}

fn is_lease(key: &Key) -> bool {
    key.space().number() == LEASE
}

fn is_dead_letter(key: &Key, name_bytes: usize) -> bool {
    key.space().number() == DEAD_LETTERS && key.name().len() == name_bytes
}

/// A row that is a protocol buffer without one of its fields, which are numbers and bytes.
fn without_field(record: &Record, field: u64) -> Record {
    let (mut kept, mut rest) = (Vec::new(), &record.value[..]);
    while !rest.is_empty() {
        let begin = rest;
        let tag = varint(&mut rest);
        let number = varint(&mut rest);
        if tag & 7 == 2 {
            rest = rest.get(usize::try_from(number).unwrap()..).unwrap_or_default();
        }
        if tag >> 3 != field {
            kept.extend_from_slice(&begin[..begin.len() - rest.len()]);
        }
    }
    Record::new(record.version, record.expiry, kept.into())
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for place in 0..10 {
        let Some((byte, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

/// To how many devices envelopes are queued in it; 1 if none is.
fn devices(batch: &Batch) -> u64 {
    let queued = batch.puts().iter().filter(|put| put.key.space().number() == QUEUE);
    let devices: BTreeSet<Option<&u8>> = queued.map(|put| put.key.name().first()).collect();
    devices.len().max(1) as u64
}

pub(super) fn without(batch: &Batch, space: u8) -> Batch {
    changed(batch, |key| key.space().number() != space, |_| true, 1, true)
}

/// The batch with those puts and deletes only, each count so many times, and perhaps without what it expects.
pub(super) fn changed(
    batch: &Batch,
    puts: impl Fn(&Key) -> bool,
    deletes: impl Fn(&Key) -> bool,
    counts: u64,
    expects: bool,
) -> Batch {
    let mut changed = Batch::new(batch.partition());
    for (key, expectation) in batch.expectations().iter().filter(|_| expects) {
        match expectation {
            Expectation::Absent => changed.expect_absent(key.clone()),
            Expectation::Version(version) => changed.expect_version(key.clone(), *version),
            _ => {}
        }
    }
    for put in batch.puts().iter().filter(|put| puts(&put.key)) {
        match put.expiry {
            Some(expiry) => changed.put_until(put.key.clone(), put.value.clone(), expiry),
            None => changed.put(put.key.clone(), put.value.clone()),
        }
    }
    batch.deletes().iter().filter(|key| deletes(key)).for_each(|key| changed.delete(key.clone()));
    batch.removes().iter().for_each(|counter| changed.remove_counter(counter.clone()));
    if counts > 0 {
        batch.adds().iter().for_each(|(counter, count)| changed.add(counter.clone(), count * counts));
    }
    changed
}
