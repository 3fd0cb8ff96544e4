//! The connections the API is served on: how many there are, how long they may take, and how they end.

mod answer_body;
mod connection;
mod connection_activity;
mod connection_slots;
mod head_timer;
mod socket;

#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_connection;
#[cfg(feature = "tls")]
mod watched_answers;

#[cfg(test)]
mod tests;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Clock, Timestamp};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use self::connection::Connection;
use self::connection_slots::ConnectionSlots;
use crate::limits::{ACCEPT_TOLD_EVERY, FIRST_ACCEPT_PAUSE, LONGEST_ACCEPT_PAUSE};
use crate::{GraphApi, RelayApi, TokenLookup, metrics};

#[cfg(feature = "tls")]
pub use self::tls::Tls;

/// How connections are spoken to.
#[derive(Clone)]
pub(crate) enum Speech {
    Plain,
    #[cfg(feature = "tls")]
    Tls(Tls),
}

/// What a request bears that came over TLS, so that addresses in its answer begin as it did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OverTls;

/// Where connections come from. A trait, so that a test can have it fail.
pub(crate) trait Listener: Send {
    fn accept(&self) -> impl Future<Output = io::Result<TcpStream>> + Send;
}

impl Listener for TcpListener {
    async fn accept(&self) -> io::Result<TcpStream> {
        Self::accept(self).await.map(|(stream, _)| stream)
    }
}

/// Serves `api` to whoever connects to `listener`, until `end`. What is under way then is still answered.
pub(crate) async fn serve<D: RelayApi, A: TokenLookup>(
    api: GraphApi<D, A>,
    clock: Arc<dyn Clock>,
    (slots, speech): (usize, Speech),
    listener: impl Listener,
    end: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let slots = ConnectionSlots::new(slots);
    let (closing, closed) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut retry = AcceptRetry::default();
    let mut end = pin!(end);
    let outcome = loop {
        let stream = tokio::select! {
            biased;
            // First of all: however many connect, that this is to end is seen.
            () = &mut end => break Ok(()),
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            accepted = listener.accept() => match accepted {
                Ok(stream) => {
                    retry.is_over();
                    stream
                }
                // It listens no more, and never will.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => break Err(error),
                Err(error) => {
                    ::metrics::counter!(metrics::NOT_ACCEPTED).increment(1);
                    let Some(pause) = retry.with(&error, clock.now()) else { continue };
                    // Where files are wanting, one that nobody uses is closed.
                    slots.evict_idle();
                    tokio::select! {
                        biased;
                        () = &mut end => break Ok(()),
                        () = clock.sleep(pause) => continue,
                    }
                }
            },
        };
        let slot = tokio::select! {
            biased;
            () = &mut end => break Ok(()),
            slot = slots.take(&*clock) => slot,
        };
        let connection = Connection::new(slot, clock.clone(), closed.clone());
        match speech.clone() {
            Speech::Plain => connections.spawn(connection.serve(stream, api.clone())),
            #[cfg(feature = "tls")]
            Speech::Tls(tls) => connections.spawn(connection.serve_tls(stream, tls, api.clone())),
        };
    };
    // Before the others are waited for: who connects now is refused at once, and not left in a queue that
    // nobody serves.
    drop(listener);
    closing.send_replace(true);
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
    outcome
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task has broken off; the others go on");
    }
}

/// Accepting that fails: told when the reason changes and once a minute, and tried again after a pause.
#[derive(Default)]
struct AcceptRetry {
    /// Why it failed when it was told last, and when that was.
    told: Option<(io::ErrorKind, Timestamp)>,
    pause: Duration,
}

impl AcceptRetry {
    /// How long to wait after `error`; nothing when only the one connection was lost.
    fn with(&mut self, error: &io::Error, now: Timestamp) -> Option<Duration> {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        let kind = error.kind();
        if matches!(kind, ConnectionAborted | ConnectionRefused | ConnectionReset) {
            return None;
        }
        // One that is accepted in between changes nothing: where files are wanting, one in two is.
        if self.told.is_none_or(|(told, at)| told != kind || at.after(ACCEPT_TOLD_EVERY) <= now) {
            self.told = Some((kind, now));
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "no connection can be accepted; trying on"
            );
        }
        self.pause = (self.pause * 2).clamp(FIRST_ACCEPT_PAUSE, LONGEST_ACCEPT_PAUSE);
        Some(self.pause)
    }

    const fn is_over(&mut self) {
        self.pause = Duration::ZERO;
    }
}
