use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::RelayError;

/// Whether the relay runs, why not, and the tasks in which it does.
#[derive(Debug)]
pub(super) struct Running {
    state: watch::Sender<State>,
    tasks: Mutex<JoinSet<()>>,
}

#[derive(Debug, Clone)]
enum State {
    Running,
    Stopped(Option<Arc<RelayError>>),
}

impl Default for Running {
    fn default() -> Self {
        Self { state: watch::Sender::new(State::Running), tasks: Mutex::default() }
    }
}

impl Running {
    /// Stops everything; the first reason stays. Whether this was it.
    pub(super) fn stop(&self, why: Option<Arc<RelayError>>) -> bool {
        self.state.send_if_modified(|state| {
            let running = matches!(state, State::Running);
            if running {
                *state = State::Stopped(why);
            }
            running
        })
    }

    pub(super) fn is_stopped(&self) -> bool {
        matches!(*self.state.borrow(), State::Stopped(_))
    }

    pub(super) async fn stopped(&self) -> Result<(), Arc<RelayError>> {
        let mut state = self.state.subscribe();
        loop {
            if let State::Stopped(why) = &*state.borrow_and_update() {
                return why.clone().map_or(Ok(()), Err);
            }
            if state.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// The outcome of `task`, or nothing when the relay stopped first.
    pub(super) async fn unless_stopped<R>(&self, task: impl Future<Output = R>) -> Option<R> {
        tokio::select! {
            biased;
            _ = self.stopped() => None,
            outcome = task => Some(outcome),
        }
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if self.is_stopped() {
            return;
        }
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    pub(super) async fn all_tasks_ended(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }
}
