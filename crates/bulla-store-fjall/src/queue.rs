//! Where the committer's work waits.
//!
//! One lock holds all that the committer waits for: jobs, the end of a write, and that nobody can ask for anything any more. It says how many
//! jobs it is worth waking for, so that it sleeps through a write while callers come one by one.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bulla_base::Day;
use bulla_store::{Batch, Commit, StoreError};
use tokio::sync::{Semaphore, oneshot};

use crate::MAX_WAITING;

pub(crate) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the committer is asked for, in the order it is asked.
#[derive(Debug)]
pub(crate) enum Job {
    Commit(Batch, Answer<Commit>),
    DropDaysBefore(Day, Answer<()>),
    Close(Answer<()>),
}

/// There is no committer any more.
#[derive(Debug)]
pub(crate) struct Gone;

/// A queue, and both its ends.
pub(crate) fn queue() -> (Asking, Taking) {
    let queue = Arc::new(Queue {
        places: Semaphore::new(MAX_WAITING),
        waiting: Mutex::default(),
        woken: Condvar::new(),
    });
    (Asking(Arc::clone(&queue)), Taking(queue))
}

#[derive(Debug)]
struct Queue {
    places: Semaphore,
    waiting: Mutex<Waiting>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// What came of the last write, until the committer has heard of it.
    written: Option<io::Result<()>>,
    /// Nobody can ask any more.
    left: bool,
    /// Nobody takes any more.
    closed: bool,
    /// With so many jobs the committer, which sleeps, wants to be woken.
    enough: Option<usize>,
}

impl Waiting {
    /// Nobody is left to ask, and nothing waits.
    fn is_end(&self) -> bool {
        self.left && self.jobs.is_empty()
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing can panic while it is held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is waiting, and wakes the committer if it sleeps for that.
    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting();
        change(&mut waiting);
        let wakes = waiting.enough.is_some_and(|enough| {
            waiting.jobs.len() >= enough || waiting.written.is_some() || waiting.is_end()
        });
        if wakes {
            waiting.enough = None;
            drop(waiting);
            self.woken.notify_one();
        }
    }
}

/// The callers' end. When it is dropped the committer finds nobody left, and ends.
#[derive(Debug)]
pub(crate) struct Asking(Arc<Queue>);

impl Asking {
    /// Waits for a place, and leaves `job` there.
    pub(crate) async fn ask(&self, job: Job) -> Result<(), Gone> {
        self.0.places.acquire().await.map_err(|_| Gone)?.forget();
        let mut refused = None;
        self.0.change(|waiting| match waiting.closed {
            true => refused = Some(job),
            false => waiting.jobs.push_back(job),
        });
        if refused.is_some() { Err(Gone) } else { Ok(()) }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.change(|waiting| waiting.left = true);
    }
}

/// The committer's end. When it is dropped nobody is asked any more, and what still waits is dropped unanswered.
#[derive(Debug)]
pub(crate) struct Taking(Arc<Queue>);

/// What the committer was woken with.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) jobs: VecDeque<Job>,
    pub(crate) written: Option<io::Result<()>>,
    /// Nobody is left to ask, and nothing waits.
    pub(crate) is_end: bool,
}

impl Taking {
    /// Waits until there are `enough` jobs, or a write has ended, or nobody is left; takes at most `most` jobs.
    pub(crate) fn take(&self, enough: usize, most: usize) -> News {
        let mut waiting = self.0.waiting();
        while waiting.jobs.len() < enough && waiting.written.is_none() && !waiting.is_end() {
            waiting.enough = Some(enough);
            waiting = self.0.woken.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.enough = None;
        let jobs = if waiting.jobs.len() <= most {
            std::mem::take(&mut waiting.jobs)
        } else {
            waiting.jobs.drain(..most).collect()
        };
        let written = waiting.written.take();
        // The end comes last: who has heard of it hears no more.
        let is_end = jobs.is_empty() && written.is_none() && waiting.is_end();
        drop(waiting);
        self.0.places.add_permits(jobs.len());
        News { jobs, written, is_end }
    }

    /// Waits until the write that is under way has ended.
    pub(crate) fn written(&self) -> io::Result<()> {
        let mut waiting = self.0.waiting();
        loop {
            if let Some(written) = waiting.written.take() {
                return written;
            }
            waiting.enough = Some(usize::MAX);
            waiting = self.0.woken.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The writer's way to tell what came of a write.
    pub(crate) fn teller(&self) -> Teller {
        Teller(Arc::clone(&self.0))
    }

    /// Takes no more; returns what was still waiting.
    pub(crate) fn close(&self) -> VecDeque<Job> {
        self.0.places.close();
        let mut waiting = self.0.waiting();
        waiting.closed = true;
        std::mem::take(&mut waiting.jobs)
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        drop(self.close());
    }
}

/// Tells the committer what came of each write; dropped, that the writer has died.
#[derive(Debug)]
pub(crate) struct Teller(Arc<Queue>);

impl Teller {
    pub(crate) fn tell(&self, written: io::Result<()>) {
        self.0.change(|waiting| waiting.written = Some(written));
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.tell(Err(io::Error::other("the thread that writes has ended")));
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn drop_days() -> Job {
        Job::DropDaysBefore(Day::from_number(1), oneshot::channel().0)
    }

    fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn as_many_jobs_as_allowed_wait_and_one_more_waits_outside() {
        let (asking, taking) = queue();
        for _ in 0..MAX_WAITING {
            assert!(poll(pin!(asking.ask(drop_days()))).is_ready());
        }
        let mut one_more = pin!(asking.ask(drop_days()));
        assert!(poll(one_more.as_mut()).is_pending());
        assert_eq!(taking.take(1, 3).jobs.len(), 3);
        assert!(matches!(poll(one_more), Poll::Ready(Ok(()))));
        assert_eq!(taking.take(1, usize::MAX).jobs.len(), MAX_WAITING - 2);
    }

    #[test]
    fn nobody_waits_for_what_will_not_come() {
        let (asking, taking) = queue();
        drop(taking.teller());
        assert!(taking.written().is_err(), "the writer died");
        let (answer, mut answered) = oneshot::channel();
        assert!(poll(pin!(asking.ask(Job::Close(answer)))).is_ready());
        drop(taking);
        assert!(answered.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
        assert!(matches!(poll(pin!(asking.ask(drop_days()))), Poll::Ready(Err(Gone))));
        let (asking, taking) = queue();
        assert!(poll(pin!(asking.ask(drop_days()))).is_ready());
        drop(asking);
        assert!(!taking.take(1, 1).is_end);
        assert!(taking.take(1, 1).is_end);
    }

    /// Both can be told before the committer wakes. One that heard of the end alone waited for the write for ever, with the directory locked.
    #[test]
    fn what_came_of_a_write_is_told_before_the_end() {
        let (asking, taking) = queue();
        let teller = taking.teller();
        drop(asking);
        teller.tell(Ok(()));
        let news = taking.take(1, 1);
        assert!(matches!(news.written, Some(Ok(()))) && !news.is_end);
        assert!(taking.take(1, 1).is_end);
    }
}
