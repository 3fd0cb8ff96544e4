use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};

use crate::RelayError;

/// Whether the relay runs, why not, and how many tasks it does so in.
#[derive(Debug)]
pub(super) struct Shutdown {
    state: watch::Sender<RunState>,
    tasks: Arc<TaskGroup>,
}

#[derive(Debug, Clone)]
enum RunState {
    Running,
    Stopped(Option<Arc<RelayError>>),
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { state: watch::Sender::new(RunState::Running), tasks: Arc::default() }
    }
}

impl Shutdown {
    /// Stops everything; the first reason stays. Whether this was it.
    pub(super) fn stop(&self, why: Option<Arc<RelayError>>) -> bool {
        let first = self.state.send_if_modified(|state| {
            let running = matches!(state, RunState::Running);
            if running {
                *state = RunState::Stopped(why);
            }
            running
        });
        self.tasks.stop();
        first
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.tasks.is_stopped()
    }

    /// Waits until the relay has stopped, and tells why.
    pub(super) async fn stopped(&self) -> Result<(), Arc<RelayError>> {
        let mut state = self.state.subscribe();
        loop {
            if let RunState::Stopped(why) = &*state.borrow_and_update() {
                return why.clone().map_or(Ok(()), Err);
            }
            if state.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// The tasks of the relay, those of its businesses included.
    pub(super) const fn tasks(&self) -> &Arc<TaskGroup> {
        &self.tasks
    }
}

/// Tasks that are stopped together. It is a few words: there is one for each business.
#[derive(Debug, Default)]
pub(super) struct TaskGroup {
    is_stopped: AtomicBool,
    stop: Notify,
    members: AtomicUsize,
    ended: Notify,
}

impl TaskGroup {
    /// Takes part, until what this returns is dropped; nothing when the group was stopped.
    pub(super) fn join(self: &Arc<Self>) -> Option<Member> {
        self.members.fetch_add(1, Ordering::SeqCst);
        let member = Member(Arc::clone(self));
        // After it was counted: who stops the group and then finds nobody in it has kept everybody out.
        (!self.is_stopped()).then_some(member)
    }

    pub(super) fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        self.stop.notify_waiters();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }

    /// Waits until the group is stopped.
    pub(super) async fn stopped(&self) {
        let told = self.stop.notified();
        if !self.is_stopped() {
            told.await;
        }
    }

    /// Waits until nobody takes part any more.
    pub(super) async fn all_ended(&self) {
        loop {
            let ended = self.ended.notified();
            if self.members.load(Ordering::SeqCst) == 0 {
                return;
            }
            ended.await;
        }
    }
}

/// A task's part in a [`TaskGroup`].
#[derive(Debug)]
pub(super) struct Member(Arc<TaskGroup>);

impl Drop for Member {
    fn drop(&mut self) {
        if self.0.members.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.ended.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_group_that_was_stopped_lets_nobody_in_and_ends_with_its_last_member() {
        let group = Arc::new(TaskGroup::default());
        let (one, two) = (group.join().unwrap(), group.join().unwrap());
        assert!(group.stopped().now_or_never().is_none());
        group.stop();
        assert!(group.stopped().now_or_never().is_some());
        assert!(group.join().is_none());
        let mut ended = Box::pin(group.all_ended());
        drop(one);
        assert!(ended.as_mut().now_or_never().is_none());
        drop(two);
        assert!(ended.now_or_never().is_some());
    }
}
