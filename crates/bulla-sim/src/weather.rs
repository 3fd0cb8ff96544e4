use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::plan::Weather;

/// What is so for everybody at once.
pub(crate) struct Sky {
    weather: Mutex<Weather>,
    /// Whether the business's server is down.
    pub(crate) is_sink_down: AtomicBool,
    /// How many erasures are going on, or have been lately.
    forgetting: AtomicU64,
}

impl Sky {
    pub(crate) const fn new(weather: Weather) -> Self {
        Self {
            weather: Mutex::new(weather),
            is_sink_down: AtomicBool::new(false),
            forgetting: AtomicU64::new(0),
        }
    }

    pub(crate) fn weather(&self) -> Weather {
        *self.weather.lock().unwrap()
    }

    /// All is well from now on.
    pub(crate) fn clears(&self) {
        *self.weather.lock().unwrap() = Weather::CALM;
        self.is_sink_down.store(false, Ordering::SeqCst);
    }

    pub(crate) fn forgets(&self) {
        self.forgetting.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn is_forgetting(&self) -> bool {
        self.forgetting.load(Ordering::SeqCst) > 0
    }
}
