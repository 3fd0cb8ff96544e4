//! What was counted of periods, as relays compare it with their own just now.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bulla_base::{BusinessAccountId, Clock, Partition, Timestamp};
use bulla_meter::{CardHash, Period, Side, Statement, Zone};
use bulla_store::StoreError;
use bulla_transport::TransportError;
use tokio::sync::{Semaphore, watch};
use tokio::task::{AbortHandle, JoinSet};
use tracing::Instrument;

use crate::limits::{
    MAX_COMPARED_LEAVES, MAX_COMPARED_SIDES, MAX_SIDES_BEGUN, SIDE_KEPT_FOR, SIDES_MADE_AT_ONCE,
};

/// Sides that were made a short while ago, or are being made. A comparison asks for its side some ten times,
/// and to make one of many messages may take longer than a call waits: so a task makes it, which goes on when
/// who asked leaves. Of each business one is made at a time.
#[derive(Debug)]
pub(crate) struct ComparedSides {
    kept: Mutex<Kept>,
    turns: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Kept {
    /// In the order in which they were begun.
    sides: Vec<Compared>,
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Compared {
    partition: Partition,
    of: Basis,
    outcome: Outcome,
    task: AbortHandle,
}

/// What a side of a business is made of, beside what was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Basis {
    period: Period,
    account: BusinessAccountId,
    zone: Zone,
    card: CardHash,
}

/// A side that was made of so many leaves.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) side: Arc<Side>,
    pub(crate) leaves: usize,
}

/// Why a side was not made.
#[derive(Debug, Clone)]
pub(crate) enum NotMade {
    Store(Arc<StoreError>),
    /// It cannot be rated, or the runtime ends.
    Failed(Arc<str>),
}

/// Nothing until it is known; and when it was made.
type Outcome = watch::Receiver<Option<Result<(Made, Timestamp), NotMade>>>;

/// What whoever asks for a side waits for.
pub(crate) enum Asked {
    Itself(Outcome),
    /// Another of the same business, which is being made.
    Another(Outcome),
}

impl Basis {
    pub(crate) fn of(statement: &Statement) -> Self {
        Self {
            period: statement.period(),
            account: statement.account(),
            zone: statement.zone().clone(),
            card: *statement.card(),
        }
    }
}

impl Default for ComparedSides {
    fn default() -> Self {
        Self { kept: Mutex::default(), turns: Arc::new(Semaphore::new(SIDES_MADE_AT_ONCE)) }
    }
}

impl ComparedSides {
    /// The side of the business of `partition` from `of`, which `making` makes if there is none. To be called
    /// under the lock of the partition: whoever changes what it is made of [forgets](Self::forget) it there.
    pub(crate) fn ask(
        self: &Arc<Self>,
        partition: Partition,
        of: Basis,
        clock: &Arc<dyn Clock>,
        making: impl Future<Output = Result<Made, NotMade>> + Send + 'static,
    ) -> Result<Asked, TransportError> {
        let mut kept = self.kept();
        kept.drop_old(clock.now());
        let mut its = kept.sides.iter().filter(|side| side.partition == partition);
        if let Some(itself) = its.clone().find(|side| side.of == of) {
            return Ok(Asked::Itself(itself.outcome.clone()));
        }
        if let Some(another) = its.find(|side| side.is_being_made()) {
            return Ok(Asked::Another(another.outcome.clone()));
        }
        if kept.sides.iter().filter(|side| side.is_being_made()).count() >= MAX_SIDES_BEGUN {
            return Err(TransportError::unavailable("too many compare what was counted just now"));
        }
        let (made, outcome) = watch::channel(None);
        let (turns, sides, clock) = (Arc::clone(&self.turns), Arc::downgrade(self), Arc::clone(clock));
        let task = async move {
            // They are never closed.
            let _turn = turns.acquire_owned().await;
            let side = making.await;
            // Whoever asked may have left.
            let _ = made.send(Some(side.map(|side| (side, clock.now()))));
            if let Some(sides) = Weak::upgrade(&sides) {
                sides.drop_old(clock.now());
            }
        };
        let task = kept.tasks.spawn(task.in_current_span());
        kept.sides.push(Compared { partition, of, outcome: outcome.clone(), task });
        Ok(Asked::Itself(outcome))
    }

    /// What a side of this business would be made of is otherwise, or no more.
    pub(crate) fn forget(&self, partition: Partition) {
        let is_of_another = |side: &mut Compared| {
            let is_its = side.partition == partition;
            if is_its {
                side.task.abort();
            }
            !is_its
        };
        self.kept().sides.retain_mut(is_of_another);
    }

    /// Lets go of what nobody compares any more, and of what is too much.
    pub(crate) fn drop_old(&self, now: Timestamp) {
        self.kept().drop_old(now);
    }

    /// Ends what is being made.
    pub(crate) async fn end(&self) {
        let mut tasks = std::mem::take(&mut self.kept().tasks);
        tasks.shutdown().await;
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn drop_old(&mut self, now: Timestamp) {
        while self.tasks.try_join_next().is_some() {}
        self.sides.retain(|side| side.may_stay(now));
        while self.is_too_much()
            && let Some(first) = self.sides.iter().position(|side| side.leaves().is_some())
        {
            self.sides.remove(first);
        }
    }

    /// The last one stays, however large it is: who asked for it compares with it.
    fn is_too_much(&self) -> bool {
        let leaves: Vec<_> = self.sides.iter().filter_map(Compared::leaves).collect();
        leaves.len() > MAX_COMPARED_SIDES
            || leaves.len() > 1 && leaves.iter().sum::<usize>() > MAX_COMPARED_LEAVES
    }
}

impl Compared {
    fn is_being_made(&self) -> bool {
        self.outcome.borrow().is_none()
    }

    /// How many there are of a side that was made.
    fn leaves(&self) -> Option<usize> {
        self.outcome.borrow().as_ref()?.as_ref().ok().map(|(made, _)| made.leaves)
    }

    fn may_stay(&self, now: Timestamp) -> bool {
        match &*self.outcome.borrow() {
            // Unless its task has ended without a word.
            None => self.outcome.has_changed().is_ok(),
            Some(Ok((_, at))) => now.since(*at) < SIDE_KEPT_FOR,
            Some(Err(_)) => false,
        }
    }
}

impl NotMade {
    pub(crate) fn store(why: StoreError) -> Self {
        tracing::error!(error = &why as &dyn std::error::Error, "the carrier's store failed");
        Self::Store(Arc::new(why))
    }

    pub(crate) fn failed(why: impl std::fmt::Display) -> Self {
        Self::Failed(why.to_string().into())
    }
}

impl From<NotMade> for TransportError {
    fn from(why: NotMade) -> Self {
        match why {
            NotMade::Store(why) => Self::carrier_failed(why),
            NotMade::Failed(why) => Self::carrier_failed(&*why),
        }
    }
}

#[cfg(test)]
mod tests;
