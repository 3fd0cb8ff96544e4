use bulla_base::Retries;
use bulla_store::Store;
use bulla_transport::Transport;

use super::Inner;
use crate::limits::{CONTENTION_BACKOFF, MAX_COMMIT_ATTEMPTS, MAX_CONTENTION_WAITS};
use crate::{EventSink, MarkReadError, RelayError, SubmitError};

/// The attempts to make one record.
#[derive(Debug)]
pub(super) struct Attempts {
    made: usize,
    waits: Retries,
}

/// What came of an attempt to make a record.
#[derive(Debug)]
pub(super) enum Attempt<R> {
    Done(R),
    /// Another changed the conversation first. Nothing was stored, and it is tried again.
    Conflict,
}

/// Others changed the conversation first, at each attempt.
#[derive(Debug)]
pub(super) struct Contended {
    attempts: usize,
}

impl Attempts {
    /// None was made.
    pub(super) const fn new() -> Self {
        Self { made: 0, waits: Retries::new(CONTENTION_BACKOFF) }
    }

    /// Counts one more attempt of a call. Whoever has called is told soon, and can ask again.
    pub(super) const fn begin(&mut self) -> Result<(), Contended> {
        if self.made >= MAX_COMMIT_ATTEMPTS {
            return Err(Contended { attempts: MAX_COMMIT_ATTEMPTS });
        }
        self.made += 1;
        Ok(())
    }
}

impl<R> Attempt<R> {
    /// `done`, if what it came to was `committed`.
    pub(super) fn of(committed: bool, done: R) -> Self {
        if committed { Self::Done(done) } else { Self::Conflict }
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Counts one more attempt of what the relay does by itself, which nobody can ask for again. After those
    /// of a call it waits: a relay that hands over to this one writes beside it until it has ended.
    ///
    /// To be called without the conversation's lock.
    pub(super) async fn begin_attempt(&self, attempts: &mut Attempts) -> Result<(), Contended> {
        if attempts.begin().is_ok() {
            return Ok(());
        }
        if attempts.waits.failures() == MAX_CONTENTION_WAITS {
            return Err(Contended { attempts: attempts.made });
        }
        let wait = attempts.waits.next_wait(&*self.rng);
        attempts.made += 1;
        self.clock.sleep(wait).await;
        Ok(())
    }
}

impl From<Contended> for RelayError {
    fn from(Contended { attempts }: Contended) -> Self {
        Self::Contended { attempts }
    }
}

impl From<Contended> for MarkReadError {
    fn from(contended: Contended) -> Self {
        SubmitError::from(contended).into()
    }
}

impl From<Contended> for SubmitError {
    fn from(Contended { attempts }: Contended) -> Self {
        Self::Contended { attempts }
    }
}
