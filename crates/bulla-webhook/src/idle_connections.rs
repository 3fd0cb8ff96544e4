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
    use super::*;

    #[test]
    fn of_unused_connections_only_their_number_prints() {
        let printed = format!("{:?}", IdleConnections::default());
        assert!(printed.starts_with("IdleConnections(Mutex { data: 0 connections,"), "{printed}");
    }
}
