//! The faults that are so for everybody at once: how often, and which last.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::plan::FaultRates;

/// What is so for everybody at once.
pub(crate) struct CurrentFaults {
    rates: Mutex<FaultRates>,
    /// Whether all is well, for good.
    is_calm: AtomicBool,
    /// Whether the business's server is down.
    pub(crate) is_sink_down: AtomicBool,
    /// How many erasures are going on, or have been lately.
    forgetting: AtomicU64,
    /// Whether a relay has lost what it had counted.
    has_lost_ledger: AtomicBool,
}

impl CurrentFaults {
    pub(crate) const fn new(rates: FaultRates) -> Self {
        Self {
            rates: Mutex::new(rates),
            is_calm: AtomicBool::new(false),
            is_sink_down: AtomicBool::new(false),
            forgetting: AtomicU64::new(0),
            has_lost_ledger: AtomicBool::new(false),
        }
    }

    pub(crate) fn rates(&self) -> FaultRates {
        *self.rates.lock().unwrap()
    }

    /// All is well from now on.
    pub(crate) fn become_calm(&self) {
        self.is_calm.store(true, Ordering::SeqCst);
        *self.rates.lock().unwrap() = FaultRates::NONE;
        self.is_sink_down.store(false, Ordering::SeqCst);
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::SeqCst)
    }

    pub(crate) fn forgets(&self) {
        self.forgetting.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn loses_ledger(&self) {
        self.has_lost_ledger.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_lost_ledger(&self) -> bool {
        self.has_lost_ledger.load(Ordering::SeqCst)
    }

    pub(crate) fn is_forgetting(&self) -> bool {
        self.forgetting.load(Ordering::SeqCst) > 0
    }
}
