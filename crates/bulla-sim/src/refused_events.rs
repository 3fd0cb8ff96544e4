//! What must hold of events that the business refuses again and again: one that was tried as often as the
//! settings say may be set aside, and none before. What follows it goes on, and it comes when it is replayed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bulla_base::MessageId;

use crate::business_plan::Unbearable;
use crate::invariants::Invariant;
use crate::run_log::RunLog;

/// A report to the business: the message it is about, and its kind.
pub(crate) type EventName = (MessageId, u8);

/// How often an event is offered at most for each try that counts: besides, another that is taken may have it
/// offered early up to three times.
const OFFERS_PER_TRY: u32 = 4;

/// What the business has refused.
pub(crate) struct RefusedEvents {
    unbearable: Option<Unbearable>,
    run_log: Arc<RunLog>,
    /// Whether the business takes what it could not bear.
    is_mended: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// How often each was refused by the process of the relay, and after how many troubles with its disk.
    refusals: BTreeMap<EventName, BTreeMap<u64, (u32, u64)>>,
    /// Those that the relay is known to have set aside.
    aside: BTreeSet<EventName>,
    /// Those that were set aside once, and come late.
    late: BTreeSet<EventName>,
    /// Those that were discarded, and about whom they are.
    discarded: BTreeMap<EventName, usize>,
    /// How many dead letters there were when it was looked last, since all is well.
    listed: Option<usize>,
    /// Whether the relay has forgotten something, as one does that takes over from another.
    has_forgotten: bool,
}

impl RefusedEvents {
    pub(crate) fn new(run_log: Arc<RunLog>, unbearable: Option<Unbearable>, two_act: bool) -> Self {
        let seen = Mutex::new(Seen { has_forgotten: two_act, ..Seen::default() });
        Self { unbearable, run_log, is_mended: AtomicBool::new(false), seen }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Whether the business refuses what is told of the `number`th message with `user`, whatever happens.
    pub(crate) fn refuses(&self, user: usize, number: Option<usize>, kind: u8) -> bool {
        let is_it = |which: Unbearable| (which.user, Some(which.number), which.kind) == (user, number, kind);
        self.unbearable.is_some_and(is_it) && !self.is_mended.load(Ordering::SeqCst)
    }

    /// Whether it is to be discarded in the end.
    pub(crate) fn is_to_be_discarded(&self, user: usize, number: Option<usize>, kind: u8) -> bool {
        self.unbearable.is_some_and(|which| which.is_discarded) && self.refuses(user, number, kind)
    }

    /// The business is mended, if it is to be, and nobody knows how many dead letters there are.
    pub(crate) fn become_calm(&self) {
        let is_mended = self.unbearable.is_some_and(|which| !which.is_discarded);
        self.is_mended.store(is_mended, Ordering::SeqCst);
        self.seen().listed = None;
    }

    /// The business has refused an event in this process of the relay.
    pub(crate) fn refused(&self, event: EventName, process: u64, troubles: u64) {
        let Some(Unbearable { tries, .. }) = self.unbearable else { return };
        let mut seen = self.seen();
        // There may be another.
        seen.listed = None;
        let (count, since) = seen.refusals.entry(event).or_default().entry(process).or_insert((0, troubles));
        *count += 1;
        let is_over = *count > tries * OFFERS_PER_TRY && *since == troubles;
        let is_over = is_over && !seen.has_forgotten;
        let was_discarded = seen.discarded.contains_key(&event) && !seen.has_forgotten;
        drop(seen);
        let (id, kind) = event;
        if is_over {
            self.violated(format_args!("report {kind} of {id} is not set aside after {tries} tries"));
        }
        if was_discarded {
            self.violated(format_args!("report {kind} of {id} was discarded and is offered again"));
        }
    }

    /// Whether an event may have been set aside, so that others pass it, or comes late because it was.
    pub(crate) fn may_be_aside(&self, event: EventName) -> bool {
        let seen = self.seen();
        seen.aside.contains(&event) || seen.late.contains(&event) || self.was_tried(&seen, event)
    }

    fn was_tried(&self, seen: &Seen, event: EventName) -> bool {
        let Some(Unbearable { tries, .. }) = self.unbearable else { return false };
        let by_process = seen.refusals.get(&event).into_iter().flat_map(BTreeMap::values);
        by_process.into_iter().any(|(count, _)| *count >= tries)
    }

    /// Whether an event was discarded: the business never hears it.
    pub(crate) fn was_discarded(&self, event: EventName) -> bool {
        self.seen().discarded.contains_key(&event)
    }

    /// The messages of `user` of which the business never heard, because they were discarded.
    pub(crate) fn discarded_messages(&self, user: usize) -> Vec<MessageId> {
        let seen = self.seen();
        let of_user = seen.discarded.iter().filter(|((_, kind), of)| *kind == 0 && **of == user);
        of_user.map(|((id, _), _)| *id).collect()
    }

    /// The host finds an event among the dead letters. Whether it is seen for the first time.
    pub(crate) fn found(&self, event: EventName) -> bool {
        let mut seen = self.seen();
        let may_be = self.was_tried(&seen, event) || seen.aside.contains(&event) || seen.has_forgotten;
        let is_new = seen.aside.insert(event);
        drop(seen);
        if !may_be {
            let (id, kind) = event;
            self.violated(format_args!("report {kind} of {id} was set aside before it was tried enough"));
        }
        is_new
    }

    /// So many were found, when all is well.
    pub(crate) fn listed(&self, count: usize) {
        self.seen().listed = Some(count);
    }

    /// Whether dead letters are left, or nobody has looked.
    pub(crate) fn has_letters(&self) -> bool {
        self.unbearable.is_some() && self.seen().listed != Some(0)
    }

    /// The host is about to have an event offered again: it has all its tries.
    pub(crate) fn replays(&self, event: EventName) {
        let mut seen = self.seen();
        seen.refusals.remove(&event);
        seen.late.insert(event);
    }

    /// It was taken out to be offered.
    pub(crate) fn replayed(&self, event: EventName) {
        self.seen().aside.remove(&event);
    }

    /// It was discarded, which was about `user`.
    pub(crate) fn discarded(&self, event: EventName, user: usize) {
        self.seen().discarded.insert(event, user);
    }

    /// The relay has forgotten something.
    pub(crate) fn forget(&self) {
        self.seen().has_forgotten = true;
    }

    fn violated(&self, what: impl std::fmt::Display) {
        self.run_log.violated(Invariant::SetAside, what);
    }
}
