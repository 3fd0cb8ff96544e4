//! The run log: keeps the trace, counts what was done, and remembers the first invariant that is violated.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bulla_base::{Clock, Timestamp};
use tokio::sync::watch;

use crate::envelope_checks::WireHistory;
use crate::faults::FaultKind;
use crate::invariants::{Invariant, Violation};

/// How many lines of a trace are kept to be shown with a violation.
const LAST_LINES: usize = 200;

/// More calls than this are not made in a run, however much is tried again.
const MAX_EVENTS: u64 = 60_000;

/// Sees everything, believes nothing, and remembers.
#[expect(missing_debug_implementations, reason = "nobody prints it")]
pub struct RunLog {
    clock: Arc<dyn Clock>,
    pub(crate) wire: WireHistory,
    events: AtomicU64,
    notes: Mutex<Notes>,
    counts: Mutex<BTreeMap<FaultKind, u64>>,
    broken: watch::Sender<Option<Violation>>,
}

#[derive(Default)]
struct Notes {
    last: VecDeque<String>,
    all: Option<Vec<String>>,
    hash: DefaultHasher,
}

impl RunLog {
    /// A run log that has seen nothing.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let broken = watch::Sender::new(None);
        Self {
            clock,
            wire: WireHistory::default(),
            events: AtomicU64::new(0),
            notes: Mutex::default(),
            counts: Mutex::default(),
            broken,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Keeps every line of the trace from now on.
    pub(crate) fn keep_all(&self) {
        self.notes().all = Some(Vec::new());
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap()
    }

    /// Writes a line into the trace.
    pub(crate) fn trace_line(&self, line: impl fmt::Display) {
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
        if self.events.fetch_add(1, Ordering::Relaxed) == MAX_EVENTS {
            self.violated(Invariant::Bounded, format_args!("more than {MAX_EVENTS} calls"));
        }
    }

    /// Counts a fault.
    pub(crate) fn count(&self, fault: FaultKind) {
        *self.counts.lock().unwrap().entry(fault).or_default() += 1;
    }

    /// Remembers the first promise that was broken, and ends the run.
    pub(crate) fn violated(&self, invariant: Invariant, what: impl fmt::Display) {
        let violation = invariant.broken(what);
        self.trace_line(format_args!("VIOLATION {violation}"));
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

    pub(crate) fn counts(&self) -> BTreeMap<FaultKind, u64> {
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
