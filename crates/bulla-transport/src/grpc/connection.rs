use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bulla_base::{Clock, Retries, Rng, Timestamp};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::watch;
use tonic::body::Body;

use super::limits::{
    BACKOFF, CONNECT_DEADLINE, CONNECTION_WINDOW_BYTES, MAX_HEADER_BYTES, STREAM_WINDOW_BYTES,
};
use super::{ChannelBinding, Connector, Link};
use crate::TransportError;

/// The one connection to the carrier, made when it is needed.
#[derive(Debug)]
pub(crate) struct Connection {
    connector: Box<dyn Connector>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    state: tokio::sync::Mutex<State>,
    /// How many attempts have failed: who has waited for one need not make another at once.
    failed: AtomicU64,
}

#[derive(Debug)]
struct State {
    channel: Option<Channel>,
    retries: Retries,
    /// No attempt before that.
    not_before: Timestamp,
}

impl Connection {
    pub(crate) fn new(connector: Box<dyn Connector>, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        let not_before = Timestamp::from_millis(0);
        let state = State { channel: None, retries: Retries::new(BACKOFF), not_before };
        Self { connector, clock, rng, state: state.into(), failed: AtomicU64::new(0) }
    }

    pub(crate) fn rng(&self) -> &dyn Rng {
        &*self.rng
    }

    pub(crate) fn origin(&self) -> &http::Uri {
        self.connector.origin()
    }

    /// The connection, made anew if it has ended. Of those who ask at once one makes it, and all learn how
    /// that went.
    pub(crate) async fn channel(&self) -> Result<Channel, TransportError> {
        let seen = self.failed.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if let Some(channel) = &state.channel
            && channel.is_open()
        {
            return Ok(channel.clone());
        }
        if self.failed.load(Ordering::Acquire) != seen {
            return Err(TransportError::unavailable("the connection could not be made"));
        }
        if let Some(ended) = state.channel.take() {
            // One that was taken, and on which nobody spoke then, is as good as one that failed.
            if ended.heard() > 0 {
                state.retries.reset();
            }
            // Those who were cut off together do not come back together.
            self.put_off(&mut state);
        }
        // Bounded by the longest wait, however the clock has jumped meanwhile.
        let wait = state.not_before.as_millis().saturating_sub(self.clock.now().as_millis());
        if wait > 0 {
            self.clock.sleep(Duration::from_millis(wait).min(BACKOFF.longest())).await;
        }
        let made = self.within(CONNECT_DEADLINE, self.make()).await.flatten();
        match made {
            Ok(channel) => {
                state.channel = Some(channel.clone());
                Ok(channel)
            }
            Err(error) => {
                self.put_off(&mut state);
                self.failed.fetch_add(1, Ordering::Release);
                Err(error)
            }
        }
    }

    /// What `call` comes to, unless it takes longer than `span`.
    pub(crate) async fn within<R>(
        &self,
        span: Duration,
        call: impl Future<Output = R>,
    ) -> Result<R, TransportError> {
        tokio::select! {
            biased;
            done = call => Ok(done),
            () = self.clock.sleep(span) => Err(TransportError::unavailable("there was no answer in time")),
        }
    }

    fn put_off(&self, state: &mut State) {
        state.not_before = self.clock.now().after(state.retries.next_wait(&*self.rng));
    }

    async fn make(&self) -> Result<Channel, TransportError> {
        let Link { stream, binding } = self.connector.connect().await.map_err(TransportError::unavailable)?;
        let (requests, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(MAX_HEADER_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(TransportError::unavailable)?;
        // How it ended is told to each call that was under way.
        tokio::spawn(connection);
        let given_up = Arc::new(watch::Sender::new(false));
        Ok(Channel { requests, binding: Arc::new(binding), heard: Arc::default(), given_up })
    }
}

/// One HTTP/2 connection. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    requests: SendRequest<Body>,
    /// What is the connection's own. No other has the same pointer while this one is held.
    binding: Arc<ChannelBinding>,
    /// How often something was heard on it.
    heard: Arc<AtomicU64>,
    /// Whether it is given up. The library goes on with a connection until its last stream is let go of.
    given_up: Arc<watch::Sender<bool>>,
}

impl Channel {
    /// Whether calls can be made on it.
    pub(crate) fn is_open(&self) -> bool {
        !self.requests.is_closed() && !*self.given_up.borrow()
    }

    pub(crate) const fn binding(&self) -> &Arc<ChannelBinding> {
        &self.binding
    }

    /// The carrier has said something on it.
    pub(crate) fn answered(&self) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it has.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// A call was not answered in time. If nothing was heard since it was made, it is the connection that is
    /// dead; else the carrier is slow with this one.
    pub(crate) fn unanswered(&self, heard_before: u64) {
        if self.heard() == heard_before {
            self.give_up();
        }
    }

    /// It is dead, though it has not said so: all streams on it end.
    pub(crate) fn give_up(&self) {
        self.given_up.send_replace(true);
    }

    /// Waits until it is given up.
    pub(crate) async fn given_up(&self) {
        // It is there for as long as this is.
        let _ = self.given_up.subscribe().wait_for(|is| *is).await;
    }
}

impl tower_service::Service<http::Request<Body>> for Channel {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.requests.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.requests.send_request(request))
    }
}
