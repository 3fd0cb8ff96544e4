//! What the sandbox answers: the Graph API, and under `/sandbox` what tests ask for.

mod api;
mod control;
mod reply;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use bulla::webhook::TlsDialer;
use bytes::Bytes;
use tokio::sync::{Mutex, MutexGuard, RwLock};

use self::reply::Reply;
use super::quiet::Quiet;
use super::seed::Seed;
use super::world::World;
use crate::exit_error::ExitError;

/// Where tests ask.
const CONTROL: &str = "/sandbox";
/// The longest body of a request: the largest file, and the form around it.
const MAX_BODY_BYTES: usize = 101 << 20;
/// How long a request waits, by the machine's clock, until what is on its way to the program has got there:
/// so that what the program asks when it has heard of something comes after it. A program that asks while it
/// is told waits for so long, and then its request comes first.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a reset waits, by the machine's clock, for what is on its way to the program.
const RESET_PATIENCE: Duration = Duration::from_secs(2);
/// How long an old world may take to end, by the machine's clock.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The world there is, and who may change it.
pub(crate) struct Server {
    seed: Arc<Seed>,
    quiet: Quiet,
    tls: Option<TlsDialer>,
    world: RwLock<Arc<World>>,
    /// Held by the one request that is being answered: the others wait, in the order they came.
    turn: Mutex<()>,
}

impl Server {
    /// Opens the world that `seed` says. To web servers that are `https` it speaks by `tls`, if at all.
    ///
    /// # Errors
    /// When something of it cannot be.
    pub(crate) async fn open(
        seed: Arc<Seed>,
        quiet: Quiet,
        tls: Option<TlsDialer>,
    ) -> Result<Self, ExitError> {
        let world = World::open(seed.clone(), quiet.clone(), tls.clone()).await?;
        Ok(Self { seed, quiet, tls, world: RwLock::new(Arc::new(world)), turn: Mutex::default() })
    }

    /// All it answers.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        let server = self.clone();
        Router::new().fallback(move |request: Request| {
            let server = server.clone();
            // A client that hangs up changes nothing of what is under way.
            async move {
                let answering = tokio::spawn(async move { server.answer(request).await });
                answering.await.unwrap_or_else(|_| {
                    Reply::error(StatusCode::INTERNAL_SERVER_ERROR, "the sandbox failed").into_response()
                })
            }
        })
    }

    async fn answer(&self, request: Request) -> Response<Body> {
        let (head, body) = request.into_parts();
        let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
            let why = format!("the body breaks off, or is longer than {MAX_BODY_BYTES} bytes");
            return Reply::error(StatusCode::PAYLOAD_TOO_LARGE, &why).into_response();
        };
        match head.uri.path().strip_prefix(CONTROL) {
            Some(path) if path.is_empty() || path.starts_with('/') => {
                self.control(&head, path, body).await.into_response()
            }
            _ => self.api(head, body).await,
        }
    }

    /// Waits for a turn, which lasts until it is dropped, in a world in which nothing goes on.
    async fn take_turn(&self) -> (MutexGuard<'_, ()>, Arc<World>) {
        let turn = self.turn.lock().await;
        let world = self.world().await;
        world.settle(PATIENCE).await;
        (turn, world)
    }

    async fn world(&self) -> Arc<World> {
        self.world.read().await.clone()
    }

    /// Begins a new world, of the same seed but for what `change` changes.
    async fn begin_anew(&self, change: impl FnOnce(&mut Seed)) -> Result<(), ExitError> {
        let _turn = self.turn.lock().await;
        // What is on its way gets there: the program hears of nothing old in the new world.
        self.world().await.settle(RESET_PATIENCE).await;
        let mut seed = (*self.seed).clone();
        change(&mut seed);
        let new = Arc::new(World::open(Arc::new(seed), self.quiet.clone(), self.tls.clone()).await?);
        let old = std::mem::replace(&mut *self.world.write().await, new);
        old.end(CLOSE_TIMEOUT).await;
        Ok(())
    }

    /// Why the relay cannot go on, when it cannot.
    pub(crate) async fn stopped(&self) -> ExitError {
        loop {
            let world = self.world().await;
            let why = world.stopped().await;
            // The one that has ended may have been replaced.
            if Arc::ptr_eq(&world, &self.world().await) && !world.has_ended() {
                return why;
            }
            tokio::task::yield_now().await;
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

/// A body that is all there.
fn whole(bytes: Bytes) -> Body {
    Body::from(bytes)
}
