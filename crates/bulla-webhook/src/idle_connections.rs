//! Unused connections, kept for the next call.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::Clock;
use tokio::sync::OwnedSemaphorePermit;

use crate::http_connection::HttpConnection;
use crate::limits::{IDLE_TIMEOUT, MAX_IDLE_PER_WEBHOOK};

/// The connections to one web server that wait for their next call.
#[derive(Debug, Default)]
pub(crate) struct IdleConnections(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    connections: Vec<Idle>,
    /// How many times unused ones were looked for.
    sweeps: u64,
    /// Whether somebody will look for unused ones.
    is_swept: bool,
}

struct Idle {
    connection: HttpConnection,
    /// After how many sweeps it came.
    since: u64,
    _permit: OwnedSemaphorePermit,
}

impl IdleConnections {
    /// The connection that was used last.
    pub(crate) fn take(&self) -> Option<HttpConnection> {
        let mut kept = self.kept();
        // The newest first, so that those nobody needs grow old and are closed.
        while let Some(idle) = kept.connections.pop() {
            if !idle.connection.is_closed() {
                return Some(idle.connection);
            }
        }
        None
    }

    /// Keeps `connection` until it is taken, or was not for [`IDLE_TIMEOUT`] to twice that. Closes it if
    /// there are too many.
    pub(crate) fn put(
        self: &Arc<Self>,
        connection: HttpConnection,
        permit: Option<OwnedSemaphorePermit>,
        clock: &Arc<dyn Clock>,
    ) {
        let mut kept = self.kept();
        // What its web server has closed holds no place.
        kept.connections.retain(|idle| !idle.connection.is_closed());
        let Some(permit) = permit.filter(|_| kept.connections.len() < MAX_IDLE_PER_WEBHOOK) else { return };
        let since = kept.sweeps;
        kept.connections.push(Idle { connection, since, _permit: permit });
        if !std::mem::replace(&mut kept.is_swept, true) {
            tokio::spawn(sweep(Arc::clone(self), Arc::clone(clock)));
        }
    }

    /// Closes what was there at the last sweep already. Whether anything is left.
    fn expire(&self) -> bool {
        let mut kept = self.kept();
        let sweeps = kept.sweeps;
        // What came since the last sweep stays for one more: so no timer is needed for each.
        kept.connections.retain(|idle| idle.since == sweeps);
        kept.sweeps += 1;
        kept.is_swept = !kept.connections.is_empty();
        kept.is_swept
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes unused connections for as long as there are any.
async fn sweep(idle: Arc<IdleConnections>, clock: Arc<dyn Clock>) {
    // Or a webhook that is gone would be kept by its own sweep.
    let weak = Arc::downgrade(&idle);
    drop(idle);
    loop {
        clock.sleep(IDLE_TIMEOUT).await;
        match weak.upgrade() {
            Some(idle) if idle.expire() => {}
            _ => return,
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, sweeps: _, is_swept: _ } = self;
        write!(f, "{} connections", connections.len())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bulla_base::{Sleep, Timestamp};
    use tokio::io::{DuplexStream, duplex};
    use tokio::sync::Semaphore;

    use super::*;

    /// A clock that stands still.
    #[derive(Debug)]
    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::default()
        }

        fn sleep(&self, _: Duration) -> Sleep<'_> {
            Box::pin(std::future::pending())
        }
    }

    struct Setting {
        idle: Arc<IdleConnections>,
        clock: Arc<dyn Clock>,
    }

    impl Setting {
        fn new() -> Self {
            Self { idle: Arc::default(), clock: Arc::new(Still) }
        }

        /// Keeps another connection, and returns its other end.
        async fn put(&self) -> DuplexStream {
            let (ours, theirs) = duplex(64);
            let connection = HttpConnection::open(Box::new(ours)).await.unwrap();
            let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().ok();
            self.idle.put(connection, permit, &self.clock);
            theirs
        }
    }

    async fn until(what: impl Fn() -> bool) {
        while !what() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_is_not_taken() {
        let set = Setting::new();
        let _open = set.put().await;
        drop(set.put().await);
        until(|| set.idle.kept().connections.iter().any(|idle| idle.connection.is_closed())).await;
        assert!(!set.idle.take().unwrap().is_closed(), "the other one");
        assert!(set.idle.take().is_none());
    }

    #[tokio::test]
    async fn so_many_connections_are_kept_and_no_more() {
        let set = Setting::new();
        let mut ends = Vec::new();
        for count in 1..=MAX_IDLE_PER_WEBHOOK + 1 {
            ends.push(set.put().await);
            assert_eq!(set.idle.kept().connections.len(), count.min(MAX_IDLE_PER_WEBHOOK));
        }
    }

    #[test]
    fn of_unused_connections_only_their_number_prints() {
        let printed = format!("{:?}", IdleConnections::default());
        assert!(printed.starts_with("IdleConnections(Mutex { data: 0 connections,"), "{printed}");
    }
}
