use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulla_base::{Clock, Rng, Sleep, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// Seconds of processor time that all threads of this process have taken.
pub(crate) fn spent() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The machine's clock and randomness, as a host has them.
#[derive(Debug)]
pub(crate) struct Machine;

impl Clock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::default().after(SystemTime::now().duration_since(UNIX_EPOCH).unwrap())
    }

    fn sleep(&self, span: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(span))
    }
}

impl Rng for Machine {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).unwrap();
    }
}
