use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bulla::base::{Address, Clock};
use bulla::envelope::{Envelope, Form};
use bulla::session::message::{PreKeySignalMessage, SignalMessage};

/// Sees everything, believes nothing, and remembers.
#[expect(missing_debug_implementations, reason = "nobody prints it")]
pub struct Oracle {
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Who stepped which ratchet how far, and what came of it.
    steps: BTreeMap<(Vec<u8>, [u8; 33], u32), Vec<u8>>,
    counts: BTreeMap<&'static str, u64>,
    trace: Vec<String>,
    violations: Vec<String>,
}

impl Oracle {
    /// An oracle that has seen nothing.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Writes a line into the trace.
    pub fn note(&self, line: &str) {
        let line = format!("{} {line}", self.clock.now().as_millis());
        self.seen().trace.push(line);
    }

    /// Counts something that happened.
    pub fn count(&self, what: &'static str) {
        *self.seen().counts.entry(what).or_default() += 1;
    }

    /// Remembers what must not happen. Tasks do not panic about it: the run does, at the next look.
    pub fn blame(&self, violation: String) {
        self.note(&violation);
        self.seen().violations.push(violation);
    }

    /// Panics if something has happened that must not.
    pub fn look(&self) {
        let violations = self.seen().violations.clone();
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// How often something happened.
    pub fn counted(&self, what: &'static str) -> u64 {
        self.seen().counts.get(what).copied().unwrap_or_default()
    }

    /// An envelope leaves its sender: its ratchet step must not have sealed anything else.
    pub fn sealed(&self, envelope: &Envelope) {
        let sealed = envelope.sealed().to_vec();
        let step = step(envelope.from(), envelope);
        let before = self.seen().steps.insert(step, sealed.clone());
        assert!(
            before.is_none_or(|before| before == sealed),
            "a ratchet step sealed two messages: {envelope:?}"
        );
        self.note(&format!("{:?} {}", envelope.kind(), envelope.id()));
    }

    /// How many ratchet steps were taken.
    pub fn steps(&self) -> usize {
        self.seen().steps.len()
    }

    /// All that was noted, in order.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.seen().trace.clone()
    }
}

/// Which step of which ratchet sealed an envelope. Ratchet keys are drawn at random, so one names its chain.
fn step(from: &Address, envelope: &Envelope) -> (Vec<u8>, [u8; 33], u32) {
    let name =
        |message: &SignalMessage<'_>| (from.to_bytes(), message.ratchet_key().to_bytes(), message.counter());
    match envelope.form() {
        Form::PreKey => name(PreKeySignalMessage::parse(envelope.sealed()).unwrap().message()),
        _ => name(&SignalMessage::parse(envelope.sealed()).unwrap()),
    }
}
