//! A record in the making, of what has arrived for one party.

use std::collections::BTreeSet;

use bulla_base::{DeviceId, Partition, Timestamp};
use bulla_envelope::Envelope;
use bulla_integrity::Promotions;
use bulla_store::{Batch, Expiry, Key, QueueIndex, Retention, Version};
use bulla_transport::SendOutcome;
use bytes::Bytes;

use crate::acknowledged_envelopes::Places;
use crate::deduplication::{DeduplicationRecord, Seen};
use crate::device_tokens::DeviceTokens;
use crate::ledger::LedgerOutcomes;
use crate::limits::MET_FOR;
use crate::pending_sends::PendingSend;
use crate::protection::Held;
use crate::store_layout::{marketing, queue, queue_head};
use crate::{meter, settling};

/// What was given a place, and until when it has it.
pub(super) type Placed = (u64, Envelope, Expiry);

/// How it is known whether envelopes were queued before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guards {
    /// They are presumed not to have been. If one was, the commit comes to a conflict.
    Presumed,
    /// They are looked up.
    Read,
}

/// A record in the making: what has arrived for one party.
pub(super) struct Round {
    pub(super) partition: Partition,
    pub(super) now: Timestamp,
    pub(super) guards_are: Guards,
    /// Who speaks for the party's devices, once it is known.
    pub(super) tokens: Option<DeviceTokens>,
    pub(super) batch: Batch,
    pub(super) heads: Vec<IndexRecord>,
    pub(super) guards: Vec<GuardRecord>,
    pub(super) placed: Vec<Placed>,
    /// What goes with it because it was acknowledged.
    pub(super) acknowledged: Places,
    /// What that was to the ledger.
    pub(super) outcomes: LedgerOutcomes,
    /// What was admitted in it, and what of that is to be told that it went.
    pub(super) admitted: Vec<Admitted>,
    /// The same of a round before this one, of which nothing was queued.
    pub(super) admitted_before: Vec<Admitted>,
    /// When the user got the last promotions, if there is one in it.
    pub(super) marketing: Option<Promotions>,
    /// Those who wait for it.
    pub(super) pending: Vec<(PendingSend, SendOutcome)>,
}

/// The guard of a message that was admitted, and what is told that it went, if a business has written it.
pub(super) type Admitted = (Key, Option<Held>);

/// A record that is made.
pub(super) struct QueueRecord {
    pub(super) batch: Batch,
    pub(super) placed: Vec<Placed>,
    pub(super) acknowledged: Places,
    /// What that was to the ledger.
    pub(super) outcomes: LedgerOutcomes,
    /// The first place that is still there in each queue from which something goes.
    pub(super) firsts: Vec<(DeviceId, u64)>,
    pub(super) guards: Guards,
    pub(super) admitted: Vec<Admitted>,
}

/// The head of the queue of one of the party's devices.
pub(super) struct IndexRecord {
    pub(super) device: DeviceId,
    pub(super) version: Option<Version>,
    pub(super) index: QueueIndex,
    pub(super) is_changed: bool,
}

/// What was queued of a message, in this round or before it.
pub(super) struct GuardRecord {
    pub(super) key: Key,
    pub(super) version: Option<Version>,
    pub(super) guard: Option<DeduplicationRecord>,
    pub(super) is_changed: bool,
    /// Nobody has looked whether it is there.
    pub(super) is_presumed: bool,
}

impl GuardRecord {
    /// One that is presumed not to be there yet.
    pub(super) const fn presumed(key: Key) -> Self {
        Self { key, version: None, guard: None, is_changed: false, is_presumed: true }
    }
}

impl Round {
    pub(super) fn new(partition: Partition, now: Timestamp, guards_are: Guards) -> Self {
        let (batch, tokens) = (Batch::new(partition), None);
        let (heads, guards, placed, acknowledged, pending) = Default::default();
        let outcomes = LedgerOutcomes::default();
        let (admitted, admitted_before, marketing) = Default::default();
        Self {
            partition,
            now,
            guards_are,
            tokens,
            batch,
            heads,
            guards,
            placed,
            acknowledged,
            outcomes,
            admitted,
            admitted_before,
            marketing,
            pending,
        }
    }

    pub(super) fn head(&mut self, device: DeviceId) -> Option<&mut IndexRecord> {
        self.heads.iter_mut().find(|head| head.device == device)
    }

    pub(super) fn guard(&mut self, key: &Key) -> Option<&mut GuardRecord> {
        self.guards.iter_mut().find(|record| record.key == *key)
    }

    /// How `ours` stands to what was queued of its message, in this round or, as far as is known, before it.
    pub(super) fn seen(&mut self, key: &Key, ours: &DeduplicationRecord) -> Seen {
        let guard = self.guard(key).and_then(|record| record.guard.as_ref());
        guard.map_or(Seen::Never, |guard| guard.sees(ours))
    }

    /// Whether nobody has looked for the guard of this `key`, nor was anything of its message queued in this
    /// round.
    pub(super) fn is_presumed(&mut self, key: &Key) -> bool {
        self.guard(key).is_some_and(|record| record.is_presumed && !record.is_changed)
    }

    /// Whether the message of this guard was admitted in the round before this one.
    pub(super) fn was_admitted(&self, key: &Key) -> bool {
        self.admitted_before.iter().any(|(of, _)| of == key)
    }

    /// The message of this guard is in the round. Who counted for it in the one before counts on.
    pub(super) fn note_admitted(&mut self, key: &Key, held: Option<Held>) {
        match self.admitted_before.iter().position(|(of, _)| of == key) {
            Some(before) => self.admitted.push(self.admitted_before.swap_remove(before)),
            None => self.admitted.push((key.clone(), held)),
        }
    }

    /// Puts `envelope` at the end of its queue, whose head is known, as its guard is, and counts its message
    /// if nothing of that was queued before.
    pub(super) fn put(&mut self, envelope: Envelope, wire: Bytes, (key, ours): (Key, DeduplicationRecord)) {
        let (today, device) = (self.now.day(), envelope.to().device());
        let Some(head) = self.head(device) else { return };
        let (day, place) = head.index.append(today);
        head.is_changed = true;
        let expiry = Retention::LONGEST.from(self.now);
        let mut is_first = false;
        if let Some(GuardRecord { guard, is_changed, .. }) = self.guard(&key) {
            *is_changed = true;
            match guard {
                Some(guard) => guard.add(ours),
                None => (*guard, is_first) = (Some(ours), true),
            }
        }
        if is_first {
            meter::count(&mut self.batch, &envelope, today);
        }
        self.batch.put_until(queue(self.partition, device).key(day, place), wire, expiry);
        self.placed.push((place, envelope, expiry));
    }

    /// Takes what was acknowledged out of a queue whose head is known.
    pub(super) fn take_out(&mut self, device: DeviceId, places: BTreeSet<u64>) {
        let Some(head) = self.heads.iter_mut().find(|head| head.device == device) else { return };
        head.is_changed |= settling::take_out(&places, device, &mut head.index, &mut self.batch);
        self.acknowledged.insert(device, places);
    }

    pub(super) fn end(mut self) -> (QueueRecord, Vec<(PendingSend, SendOutcome)>) {
        let mut firsts = Vec::new();
        for IndexRecord { device, version, index, .. } in self.heads.into_iter().filter(|it| it.is_changed) {
            let key = queue_head(device);
            self.batch.expect(key.clone(), version);
            self.batch.put(key, index.to_bytes());
            firsts.push((device, index.first()));
        }
        for GuardRecord { key, version, guard, .. } in self.guards.into_iter().filter(|it| it.is_changed) {
            let Some(guard) = guard else { continue };
            self.batch.expect(key.clone(), version);
            self.batch.put(key, guard.to_bytes());
        }
        // Who counts for a limit does so in the record of what counts, and in no other.
        let counted = self.admitted.iter().filter_map(|(_, held)| held.as_ref()?.counted());
        counted.for_each(|counted| self.batch.add(counted.clone(), 1));
        if let Some(promotions) = self.marketing {
            // A span as short as that is one.
            let expiry = Retention::new(MET_FOR).unwrap_or(Retention::LONGEST).from(self.now);
            self.batch.put_until(marketing(self.now.day()), promotions.to_bytes(), expiry);
        }
        let (batch, placed, acknowledged, guards, admitted) =
            (self.batch, self.placed, self.acknowledged, self.guards_are, self.admitted);
        let outcomes = self.outcomes;
        (QueueRecord { batch, placed, acknowledged, outcomes, firsts, guards, admitted }, self.pending)
    }
}
