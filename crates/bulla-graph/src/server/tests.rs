use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Mutex;

use bulla_base::{ManualClock, Number, PhoneNumberId, SeededRng, Sleep, Timestamp};
use bulla_relay::{MarkReadError, MessageRef, Outgoing, SubmitError};

use super::*;
use crate::Tokens;

/// What the system says when a process has as many files open as it may (`EMFILE`), and when the whole
/// machine has (`ENFILE`).
const NO_FILE: i32 = 24;
const NO_FILE_ANYWHERE: i32 = 23;

struct NoRelay;

impl crate::MediaApi for NoRelay {}

impl crate::TemplateApi for NoRelay {}

impl crate::ManagementApi for NoRelay {}

impl RelayApi for NoRelay {
    fn number(&self, _: PhoneNumberId) -> Option<Number> {
        None
    }

    async fn submit(&self, _: PhoneNumberId, _: Outgoing) -> Result<MessageRef, SubmitError> {
        Err(SubmitError::Stopped)
    }

    async fn mark_read(&self, _: PhoneNumberId, _: MessageRef) -> Result<(), MarkReadError> {
        Err(MarkReadError::UnknownMessage)
    }
}

/// A listener that fails as it is told before it lets in who comes.
struct FailingListener {
    errors: Mutex<VecDeque<io::Error>>,
    listener: TcpListener,
}

impl Listener for FailingListener {
    async fn accept(&self) -> io::Result<TcpStream> {
        let error = self.errors.lock().unwrap().pop_front();
        match error {
            Some(error) => Err(error),
            None => Listener::accept(&self.listener).await,
        }
    }
}

/// A clock that writes down how long it is asked to sleep, and sleeps for no time at all or for ever.
#[derive(Debug, Default)]
struct RecordingClock(Mutex<Vec<Duration>>);

impl Clock for RecordingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn sleep(&self, span: Duration) -> Sleep<'_> {
        self.0.lock().unwrap().push(span);
        if span <= LONGEST_ACCEPT_PAUSE { Box::pin(async {}) } else { Box::pin(std::future::pending()) }
    }
}

#[tokio::test]
async fn nothing_prints_but_how_much_may_go_on_at_once() {
    let rng = Arc::new(SeededRng::new(1));
    let (tokens, clock) = (Tokens::new(&*rng), Arc::new(RecordingClock::default()));
    tokens.grant("t0ken", [PhoneNumberId::new(106_540_352_242_922)]).unwrap();
    let grant = tokens.look_up(b"t0ken").await.unwrap().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let socket = socket::Socket::new(stream, Arc::default(), clock.clone());
    assert_eq!(format!("{tokens:?} {grant:?} {socket:?}"), "Tokens(1) Grant(1 numbers) Socket");
    assert_eq!(
        format!("{:?}", GraphApi::new(NoRelay, tokens, clock, rng)),
        "GraphApi(Settings { connections: 512, requests: 512, body_bytes: 33554432, callback_data_is_key: false, origin: None, allowed_origins: AllowedOrigins { origins: [], is_any: false }, deep_link: None, app: 1, app_secret: None, app_owner: None, is_proof_required: false })"
    );
}

#[tokio::test]
async fn accepting_that_fails_is_tried_again_after_a_pause_and_ends_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let errors = [NO_FILE, NO_FILE, NO_FILE_ANYWHERE, NO_FILE].map(io::Error::from_raw_os_error);
    let aborted = io::Error::from(io::ErrorKind::ConnectionAborted);
    let errors = Mutex::new(errors.into_iter().chain([aborted]).collect());
    let clock = Arc::new(RecordingClock::default());
    let api =
        GraphApi::new(NoRelay, Tokens::new(&SeededRng::new(1)), clock.clone(), Arc::new(SeededRng::new(1)));
    let listener = FailingListener { errors, listener };
    let client = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    tokio::select! {
        served = serve(api, clock.clone(), (1, Speech::Plain), listener, std::future::pending()) => panic!("{served:?}"),
        answer = client => assert!(answer.unwrap().starts_with("HTTP/1.1 401 ")),
    }
    let pauses: Vec<u128> = clock.0.lock().unwrap().iter().map(Duration::as_millis).take(4).collect();
    assert_eq!(pauses, [20, 40, 80, 160]);
}

#[test]
fn pauses_grow_to_a_second_and_begin_anew_when_it_is_over() {
    let mut retry = AcceptRetry::default();
    let (no_file, now) = (|| io::Error::from_raw_os_error(NO_FILE), Timestamp::from_millis(0));
    let pauses: Vec<_> = (0..8).map(|_| retry.with(&no_file(), now).unwrap().as_millis()).collect();
    assert_eq!(pauses, [20, 40, 80, 160, 320, 640, 1000, 1000]);
    retry.is_over();
    assert_eq!(retry.with(&no_file(), now), Some(FIRST_ACCEPT_PAUSE));
}

/// Where files are wanting one in two is accepted: each of the others was told.
#[test]
fn that_none_is_accepted_is_told_once_a_minute() {
    let (mut retry, mut told) = (AcceptRetry::default(), Vec::new());
    for second in 0..150 {
        let now = Timestamp::from_millis(second * 1000);
        retry.with(&io::Error::from_raw_os_error(NO_FILE), now);
        told.extend(retry.told.filter(|(_, at)| *at == now).map(|_| second));
        retry.is_over();
    }
    assert_eq!(told, [0, 60, 120]);
    retry.with(&io::Error::from(io::ErrorKind::PermissionDenied), Timestamp::from_millis(121_000));
    assert_eq!(retry.told.unwrap().0, io::ErrorKind::PermissionDenied, "another reason is told at once");
}

#[tokio::test]
async fn who_waits_longest_is_asked_first_and_who_works_is_not() {
    let slots = ConnectionSlots::new(3);
    let clock = ManualClock::default();
    let [first, second, third] =
        [slots.take(&clock).await, slots.take(&clock).await, slots.take(&clock).await].map(Arc::new);
    for slot in [&first, &second, &third] {
        slot.wait();
    }
    drop(first.work());
    // It has two requests to answer, and waits when both are.
    let (working, other) = (second.work(), second.work());
    drop(other);
    assert!(slots.evict_idle());
    assert!(slots.evict_idle());
    assert!(!slots.evict_idle());
    assert!(third.is_idle() && first.is_idle() && !second.is_idle());
    third.evicted().await;
    first.evicted().await;
    drop(working);
    assert!(second.is_idle());
    drop(third);
    slots.take(&clock).await.wait();
}
