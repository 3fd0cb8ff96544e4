use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulla_base::{Clock, Rng, Sleep, Timestamp};

/// The clock of the machine, and the timers of the tokio runtime.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing inside, and never will")]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the machine's time comes in")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::default().after(since)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place where the runtime's timers come in")]
    fn sleep(&self, span: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// The randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing inside, and never will")]
pub struct SystemRng;

impl Rng for SystemRng {
    /// # Panics
    /// When the operating system has no randomness to give. A program must not go on without.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the machine's randomness comes in"
    )]
    #[expect(clippy::panic, reason = "keys made of anything else would be worse than a stop")]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the operating system gives no randomness: {error}");
        }
    }
}
