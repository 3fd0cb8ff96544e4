use std::io;
use std::iter;
use std::sync::{Arc, Mutex, PoisonError};

use bulla_base::Clock;
use bulla_store::{Fault, Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::blobs::disk_unavailable;
use crate::ledger::CarrierLedger;
use crate::limits::{MAX_ID_AGE, SWEEP_INTERVAL};
use crate::{Carrier, trace_span};

/// What keeps the store up, for as long as the carrier is there.
#[derive(Debug)]
pub(crate) struct Upkeep {
    tasks: Mutex<JoinSet<()>>,
    failure: watch::Sender<Option<Arc<StoreError>>>,
}

impl Upkeep {
    pub(crate) fn new() -> Self {
        Self { tasks: Mutex::default(), failure: watch::Sender::new(None) }
    }

    pub(crate) fn begin<S: Store>(&self, store: &Arc<S>, clock: &Arc<dyn Clock>, ledger: &CarrierLedger) {
        let (swept, by, ledger) = (Arc::clone(store), Arc::clone(clock), ledger.clone());
        self.spawn("keep sweeping", async move { keep_sweeping(&*swept, &*by, &ledger).await });
        let (kept, by) = (Arc::clone(store), Arc::clone(clock));
        self.spawn("keep up the store", async move { bulla_store::keep_up(&*kept, &*by).await });
    }

    /// Runs `task` for as long as the carrier is there. If it fails, the store has for good.
    pub(crate) fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<(), StoreError>> + Send + 'static,
    ) {
        let failure = self.failure.clone();
        let kept = async move {
            if let Err(error) = task.await {
                fail(&failure, Arc::new(error));
            }
        };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(kept.instrument(trace_span::task(name)));
    }

    /// The store has failed for good.
    pub(crate) fn fail(&self, why: Arc<StoreError>) {
        fail(&self.failure, why);
    }

    pub(crate) async fn failed(&self) -> Arc<StoreError> {
        let mut failure = self.failure.subscribe();
        loop {
            if let Some(why) = failure.borrow_and_update().clone() {
                return why;
            }
            if failure.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    pub(crate) async fn end(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }
}

/// The first reason stays.
fn fail(failure: &watch::Sender<Option<Arc<StoreError>>>, why: Arc<StoreError>) {
    failure.send_if_modified(|failure| {
        let first = failure.is_none();
        if first {
            tracing::error!(error = &*why as &dyn std::error::Error, "the carrier cannot go on");
            *failure = Some(why);
        }
        first
    });
}

/// A store's final error for another who has to be told: what it comes from is in it as words.
pub(crate) fn once_more(error: &StoreError) -> StoreError {
    let words = |cause: &dyn std::error::Error| {
        iter::successors(Some(cause), |cause| cause.source())
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ")
    };
    match error {
        StoreError::Closed => StoreError::Closed,
        StoreError::Poisoned { source } => StoreError::Poisoned {
            source: source.as_ref().map(|cause| io::Error::new(cause.kind(), words(cause))),
        },
        StoreError::Wrapper { source, .. } => StoreError::wrapper(Fault::Final, words(&**source)),
        other => StoreError::wrapper(Fault::Final, words(other)),
    }
}

/// Drops what is over, once an hour. What fails is tried again with the next; a store that may not go on ends
/// it.
async fn keep_sweeping<S: Store>(
    store: &S,
    clock: &dyn Clock,
    ledger: &CarrierLedger,
) -> Result<(), StoreError> {
    loop {
        match sweep(store, clock, ledger).await {
            Err(error) if error.is_final() => return Err(error),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "what is over was not dropped");
            }
            Ok(()) => {}
        }
        clock.sleep(SWEEP_INTERVAL).await;
    }
}

async fn sweep<S: Store>(store: &S, clock: &dyn Clock, ledger: &CarrierLedger) -> Result<(), StoreError> {
    // An id may lie ahead by a day, and what was queued on a day is whole until its last moment is 30 days
    // past.
    let oldest = clock.now().before(MAX_ID_AGE).day().minus(1);
    store.drop_days_before(oldest).await?;
    crate::ledger::sweep(store, ledger, clock.now()).await
}

impl<S: Store> Carrier<S> {
    /// Drops what is too old to be delivered, the ids of what is too old to be repeated, blobs that are over,
    /// the keys of stamps of what can be reported no more, and what is counted no longer. The carrier does so
    /// by itself, once an hour.
    ///
    /// # Errors
    /// When the store fails, or the disk of the blobs.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let swept = async {
            sweep(&*self.store, &*self.clock, &self.ledger).await?;
            self.stamps.forget(&*self.store, self.clock.now()).await?;
            match &self.blobs {
                Some(blobs) => blobs.sweep().await.map_err(disk_unavailable),
                None => Ok(()),
            }
        };
        self.for_host(trace_span::for_host("sweep"), swept).await
    }
}
