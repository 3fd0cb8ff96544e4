//! The totals of many runs.

use std::collections::BTreeMap;

use bulla_sim::{FaultKind, Outcome};

/// What was done to the system in all runs together.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) runs: u64,
    events: u64,
    steps: usize,
    lived_s: u64,
    /// The most events of a run.
    most: u64,
    faults: BTreeMap<FaultKind, u64>,
    /// The seeds that broke a promise.
    pub(crate) failed: Vec<u64>,
}

impl Totals {
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.events += outcome.events;
        self.steps += outcome.steps;
        self.most = self.most.max(outcome.events);
        self.lived_s += outcome.lived.as_secs();
        for (fault, count) in &outcome.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
    }

    /// All of it, for people.
    pub(crate) fn lines(&self) -> String {
        let faults = self.faults.iter().map(|(fault, count)| format!("  {count:>10}  {fault:?}\n"));
        let days = self.lived_s / 86_400;
        let Self { events, steps, most, .. } = self;
        let faults: String = faults.collect();
        format!(
            "{events} events, at most {most} in a run, {steps} ratchet steps, {days} days lived, and\n{faults}"
        )
    }

    /// The same in a line.
    pub(crate) fn line(&self) -> String {
        let crashes = self.faults.get(&FaultKind::Crash).copied().unwrap_or_default();
        let faults: u64 = self.faults.values().sum();
        let Self { runs, events, failed, .. } = self;
        format!(
            "{runs} seeds, {events} events, {crashes} crashes, {faults} faults, {} violations",
            failed.len()
        )
    }
}
