//! Admission of requests: how many may be under way at once, and how many bytes of bodies.

use std::pin::pin;

use bulla_base::Clock;
use futures_util::future::{Either, select};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::Settings;
use crate::api_error::ApiError;
use crate::limits::{ROOM_TIMEOUT, SMALL_BODY_BYTES};

/// The room there is, for requests and for the bytes of their bodies.
pub(crate) struct Admission {
    requests: Semaphore,
    body_bytes: Semaphore,
    most: usize,
}

/// The room one request takes.
pub(crate) struct Admitted<'a> {
    _request: SemaphorePermit<'a>,
    body: Option<SemaphorePermit<'a>>,
}

impl Admission {
    pub(crate) fn new(settings: &Settings) -> Self {
        let semaphore = |permits: usize| Semaphore::new(permits.min(Semaphore::MAX_PERMITS));
        let (requests, body_bytes) = (semaphore(settings.requests), semaphore(settings.body_bytes));
        Self { requests, body_bytes, most: settings.body_bytes }
    }

    /// Admits a request whose body has up to `bytes`, once there is room for it.
    pub(crate) async fn take(&self, bytes: usize, clock: &dyn Clock) -> Result<Admitted<'_>, ApiError> {
        let taking = pin!(async {
            let request = self.requests.acquire().await.ok()?;
            // Who sends small ones does not queue behind who sends large ones.
            let body = match u32::try_from(bytes.min(self.most)) {
                Ok(bytes) if bytes > SMALL_BODY_BYTES => {
                    Some(self.body_bytes.acquire_many(bytes).await.ok()?)
                }
                _ => None,
            };
            Some(Admitted { _request: request, body })
        });
        // One time for both places: else a request could wait twice as long as is said.
        match select(taking, clock.sleep(ROOM_TIMEOUT)).await {
            Either::Left((Some(taken), _)) => Ok(taken),
            Either::Left((None, _)) | Either::Right(_) => Err(ApiError::busy()),
        }
    }
}

impl Admitted<'_> {
    /// Gives back what the body took: it is gone.
    pub(crate) fn without_body(&mut self) {
        self.body = None;
    }
}
