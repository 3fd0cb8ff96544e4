//! Whatever a store needs regularly is asked of it through the port, by whoever holds it and through every
//! wrapper.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_base::{Clock, ManualClock, Timestamp};
use bulla_store::{
    BoxStore, Fault, Generation, MemoryStore, Store, StoreError, StoreWrapper, UPKEEP_RETRY, keep_up,
};

use crate::run;

const START: Timestamp = Timestamp::from_millis(1_795_293_590_960);
const MINUTE: Duration = Duration::from_secs(60);

/// What a store was asked, and when.
type Asked = Arc<Mutex<Vec<(&'static str, Duration)>>>;

/// A store that needs upkeep, and answers what it is told to, from the end. Particular to these tests: a
/// faulty store passes upkeep on.
struct Needy {
    beneath: MemoryStore,
    answers: Mutex<Vec<Result<Option<Duration>, StoreError>>>,
    clock: Arc<ManualClock>,
    asked: Asked,
}

impl Needy {
    fn new(answers: Vec<Result<Option<Duration>, StoreError>>) -> (Self, Arc<ManualClock>, Asked) {
        let (clock, asked) = (Arc::new(ManualClock::new(START)), Asked::default());
        let answers = Mutex::new(answers.into_iter().rev().collect());
        let beneath = MemoryStore::new();
        (Self { beneath, answers, clock: clock.clone(), asked: asked.clone() }, clock, asked)
    }

    fn note(&self, what: &'static str) {
        self.asked.lock().unwrap().push((what, self.clock.now().since(START)));
    }
}

impl StoreWrapper for Needy {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.beneath
    }

    async fn pass_upkeep(&self) -> Result<Option<Duration>, StoreError> {
        self.note("upkeep");
        self.answers.lock().unwrap().pop().unwrap_or(Ok(None))
    }

    async fn pass_restored(&self) -> Option<Generation> {
        self.note("restored");
        Some(Generation::new(7))
    }

    async fn pass_accept_restored(&self) -> Result<(), StoreError> {
        self.note("accept");
        Ok(())
    }

    async fn pass_close(&self) -> Result<(), StoreError> {
        self.note("close");
        Err(StoreError::Closed)
    }
}

/// A wrapper that changes nothing.
pub(crate) struct Nothing<S>(pub(crate) S);

impl<S: Store> StoreWrapper for Nothing<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.0
    }
}

#[test]
fn upkeep_reaches_a_store_through_every_layer() {
    run(async {
        let (needy, _, asked) = Needy::new(vec![Ok(Some(MINUTE))]);
        let outermost = Nothing(Arc::new(BoxStore::new(Nothing(needy))));
        assert_eq!(outermost.upkeep().await.unwrap(), Some(MINUTE));
        assert_eq!(outermost.restored().await, Some(Generation::new(7)));
        outermost.accept_restored().await.unwrap();
        assert!(matches!(outermost.close().await, Err(StoreError::Closed)));
        let asked: Vec<_> = asked.lock().unwrap().iter().map(|(what, _)| *what).collect();
        assert_eq!(asked, ["upkeep", "restored", "accept", "close"]);
    });
}

#[test]
fn upkeep_is_done_when_the_store_wants_it_and_tried_again_when_it_fails() {
    run(async {
        let unavailable = || Err(StoreError::wrapper(Fault::Unavailable, "no disk"));
        let answers = vec![Ok(Some(3 * MINUTE)), unavailable(), unavailable(), Ok(Some(MINUTE)), Ok(None)];
        let (needy, clock, asked) = Needy::new(answers);
        keep_up(&needy, &*clock).await.unwrap();
        let asked: Vec<_> = asked.lock().unwrap().iter().map(|(_, when)| *when).collect();
        let failed = 3 * MINUTE + UPKEEP_RETRY;
        let expected =
            [Duration::ZERO, 3 * MINUTE, failed, failed + UPKEEP_RETRY, failed + UPKEEP_RETRY + MINUTE];
        assert_eq!(asked, expected);
    });
}

#[test]
fn upkeep_ends_with_a_store_that_may_not_go_on() {
    run(async {
        let ended = || Err(StoreError::wrapper(Fault::Final, "taken over"));
        for (answer, tries) in [(ended(), 1), (Err(StoreError::Poisoned { source: None }), 1)] {
            let (needy, clock, asked) = Needy::new(vec![answer, Ok(Some(MINUTE))]);
            let error = keep_up(&needy, &*clock).await.unwrap_err();
            assert!(error.is_final(), "{error}");
            assert_eq!(asked.lock().unwrap().len(), tries);
        }
    });
}

/// Counts what is logged as an error.
#[derive(Clone, Default)]
struct Errors(Arc<AtomicUsize>);

impl tracing::Subscriber for Errors {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        if *event.metadata().level() == tracing::Level::ERROR {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// A disk that is full for a day would fill the log, too.
#[test]
fn upkeep_that_fails_in_the_same_way_is_logged_once() {
    let fails = |why: &'static str| Err(StoreError::wrapper(Fault::Unavailable, why));
    let answers = vec![
        fails("full"),
        fails("full"),
        fails("full"),
        fails("gone"),
        Ok(Some(MINUTE)),
        fails("gone"),
        Ok(None),
    ];
    let (needy, clock, _) = Needy::new(answers);
    let errors = Errors::default();
    tracing::subscriber::with_default(errors.clone(), || run(keep_up(&needy, &*clock))).unwrap();
    assert_eq!(errors.0.load(Ordering::Relaxed), 3, "full, gone, and gone again after it had worked");
}
