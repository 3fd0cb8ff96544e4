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

struct Nobody;

impl RelayApi for Nobody {
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

/// A door that fails as it is told before it lets in who comes.
struct Stuck {
    errors: Mutex<VecDeque<io::Error>>,
    listener: TcpListener,
}

impl Door for Stuck {
    async fn accept(&self) -> io::Result<TcpStream> {
        let error = self.errors.lock().unwrap().pop_front();
        match error {
            Some(error) => Err(error),
            None => Door::accept(&self.listener).await,
        }
    }
}

/// A clock that writes down how long it is asked to sleep, and sleeps for no time at all or for ever.
#[derive(Debug, Default)]
struct Noting(Mutex<Vec<Duration>>);

impl Clock for Noting {
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
    let (tokens, clock) = (Tokens::new(&*rng), Arc::new(Noting::default()));
    tokens.grant("t0ken", [PhoneNumberId::new(106_540_352_242_922)]).unwrap();
    let grant = tokens.look_up(b"t0ken").await.unwrap().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let socket = socket::Socket::new(stream, Arc::default(), clock.clone());
    assert_eq!(format!("{tokens:?} {grant:?} {socket:?}"), "Tokens(1) Grant(1 numbers) Socket");
    assert_eq!(
        format!("{:?}", GraphApi::new(Nobody, tokens, clock, rng)),
        "GraphApi(Settings { connections: 512, requests: 512, body_bytes: 33554432 })"
    );
}

#[tokio::test]
async fn a_door_that_sticks_is_tried_again_after_a_pause_and_ends_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let errors = [NO_FILE, NO_FILE, NO_FILE_ANYWHERE, NO_FILE].map(io::Error::from_raw_os_error);
    let aborted = io::Error::from(io::ErrorKind::ConnectionAborted);
    let errors = Mutex::new(errors.into_iter().chain([aborted]).collect());
    let clock = Arc::new(Noting::default());
    let api =
        GraphApi::new(Nobody, Tokens::new(&SeededRng::new(1)), clock.clone(), Arc::new(SeededRng::new(1)));
    let door = Stuck { errors, listener };
    let client = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    tokio::select! {
        served = serve(api, clock.clone(), 1, door, std::future::pending()) => panic!("{served:?}"),
        answer = client => assert!(answer.unwrap().starts_with("HTTP/1.1 401 ")),
    }
    let pauses: Vec<u128> = clock.0.lock().unwrap().iter().map(Duration::as_millis).take(4).collect();
    assert_eq!(pauses, [20, 40, 80, 160]);
}

#[test]
fn pauses_grow_to_a_second_and_begin_anew_when_it_is_over() {
    let mut trouble = Trouble::default();
    let no_file = || io::Error::from_raw_os_error(NO_FILE);
    let pauses: Vec<_> = (0..8).map(|_| trouble.with(&no_file()).unwrap().as_millis()).collect();
    assert_eq!(pauses, [20, 40, 80, 160, 320, 640, 1000, 1000]);
    trouble.is_over();
    assert_eq!(trouble.with(&no_file()), Some(FIRST_ACCEPT_PAUSE));
}

#[tokio::test]
async fn who_waits_longest_is_asked_first_and_who_works_is_not() {
    let places = Places::new(3);
    let clock = ManualClock::default();
    let [first, second, third] =
        [places.take(&clock).await, places.take(&clock).await, places.take(&clock).await];
    for place in [&first, &second, &third] {
        place.wait();
    }
    drop(first.work());
    let _working = second.work();
    assert!(places.free_one());
    assert!(places.free_one());
    assert!(!places.free_one());
    assert!(third.is_waiting() && first.is_waiting() && !second.is_waiting());
    third.is_wanted().await;
    first.is_wanted().await;
    drop(third);
    places.take(&clock).await.wait();
}
