use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bulla_base::Clock;
use tokio::sync::watch;

use crate::wire::Wire;

/// How many lines of a trace are kept to be shown with a violation.
const LAST_LINES: usize = 200;

/// More calls than this are not made in a run, however much is tried again.
const MOST_EVENTS: u64 = 60_000;

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Invariant {
    /// What was accepted or sent arrives, or is reported as failed.
    Kept,
    /// A message has one id, however often it is told.
    OneId,
    /// What was said first in a conversation is shown first.
    Order,
    /// What was taken or finished is not told again without a reason.
    ToldOnce,
    /// A message only comes further, and ends once.
    Statuses,
    /// Relay, carrier and model count the same.
    Counts,
    /// A ratchet step seals one message.
    Steps,
    /// A one-time key is given away once.
    OneTimeKeys,
    /// Who was replaced is not heard.
    Fences,
    /// Nobody but the two ends sees what is said.
    Sealed,
    /// What an effect is based on is durable before anybody sees the effect.
    Durable,
    /// What was erased is gone.
    Erased,
    /// Nothing outlives its time.
    Forgotten,
    /// Retries and calls have an end.
    Bounded,
    /// Nothing stops without a cause.
    Alive,
    /// Once all is well again, everything drains.
    Drains,
    /// The same seed does the same.
    Replays,
}

impl Invariant {
    /// That it does not hold, and how.
    #[must_use]
    pub fn broken(self, what: impl fmt::Display) -> Violation {
        Violation { invariant: self, what: what.to_string() }
    }
}

/// What was done to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is told by its name")]
pub enum Fault {
    Crash,
    LostRequest,
    LostAnswer,
    LostDelivery,
    Doubled,
    Shuffled,
    CutOff,
    Unheard,
    Refused,
    SinkDown,
    Full,
    Failing,
    Jump,
    HandOver,
    Absent,
    Reinstall,
    LostStore,
    Restored,
    Erased,
}

impl Fault {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Crash,
        Self::LostRequest,
        Self::LostAnswer,
        Self::LostDelivery,
        Self::Doubled,
        Self::Shuffled,
        Self::CutOff,
        Self::Unheard,
        Self::Refused,
        Self::SinkDown,
        Self::Full,
        Self::Failing,
        Self::Jump,
        Self::HandOver,
        Self::Absent,
        Self::Reinstall,
        Self::LostStore,
        Self::Restored,
        Self::Erased,
    ];
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// How.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.what)
    }
}

/// Sees everything, believes nothing, and remembers.
#[expect(missing_debug_implementations, reason = "nobody prints it")]
pub struct Oracle {
    clock: Arc<dyn Clock>,
    pub(crate) wire: Wire,
    events: AtomicU64,
    notes: Mutex<Notes>,
    counts: Mutex<BTreeMap<Fault, u64>>,
    broken: watch::Sender<Option<Violation>>,
}

#[derive(Default)]
struct Notes {
    last: VecDeque<String>,
    all: Option<Vec<String>>,
    hash: DefaultHasher,
}

impl Oracle {
    /// An oracle that has seen nothing.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let broken = watch::Sender::new(None);
        Self {
            clock,
            wire: Wire::default(),
            events: AtomicU64::new(0),
            notes: Mutex::default(),
            counts: Mutex::default(),
            broken,
        }
    }

    /// Keeps every line of the trace from now on.
    pub(crate) fn keep_all(&self) {
        self.notes().all = Some(Vec::new());
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap()
    }

    /// Writes a line into the trace.
    pub(crate) fn note(&self, line: impl fmt::Display) {
        let line = format!("{} {line}", self.clock.now().as_millis());
        let mut notes = self.notes();
        line.hash(&mut notes.hash);
        if let Some(all) = &mut notes.all {
            all.push(line.clone());
        }
        if notes.last.len() == LAST_LINES {
            notes.last.pop_front();
        }
        notes.last.push_back(line);
    }

    /// Counts a call of a port.
    pub(crate) fn event(&self) {
        if self.events.fetch_add(1, Ordering::Relaxed) == MOST_EVENTS {
            self.blame(Invariant::Bounded, format_args!("more than {MOST_EVENTS} calls"));
        }
    }

    /// Counts a fault.
    pub(crate) fn count(&self, fault: Fault) {
        *self.counts.lock().unwrap().entry(fault).or_default() += 1;
    }

    /// Remembers the first promise that was broken, and ends the run.
    pub(crate) fn blame(&self, invariant: Invariant, what: impl fmt::Display) {
        let violation = invariant.broken(what);
        self.note(format_args!("VIOLATION {violation}"));
        self.broken.send_if_modified(|first| {
            let is_first = first.is_none();
            if is_first {
                *first = Some(violation);
            }
            is_first
        });
    }

    /// The first promise that was broken.
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        self.broken.borrow().clone()
    }

    /// Waits until a promise is broken.
    pub(crate) async fn broken(&self) {
        let _ = self.broken.subscribe().wait_for(Option::is_some).await;
    }

    /// How many ratchet steps were seen.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.wire.steps()
    }

    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    pub(crate) fn counts(&self) -> BTreeMap<Fault, u64> {
        self.counts.lock().unwrap().clone()
    }

    /// The last lines of the trace, all of them if they were kept, and what stands for all of them.
    pub(crate) fn trace(&self) -> (Vec<String>, u64) {
        let notes = self.notes();
        let hash = notes.hash.finish();
        match &notes.all {
            Some(all) => (all.clone(), hash),
            None => (notes.last.iter().cloned().collect(), hash),
        }
    }
}
