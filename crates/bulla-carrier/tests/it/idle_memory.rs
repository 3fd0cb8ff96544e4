//! What a carrier takes of memory: for a mailbox in which nothing happens, for what waits in one, and for a
//! device that waits for its mail.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Address, Category, Clock, MessageId, Number, SeededRng};
use bulla_carrier::Carrier;
use bulla_envelope::{Envelope, Form, FrankingTag, Kind};
use bulla_store::{CopyingStore, CountingStore, Counts, MemoryStore};
use bulla_transport::{Caller, InProcess, Sequence, Transport};
use futures_util::future::join_all;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::upkeep::VirtualClock;
use crate::{caller, shop, upload};

const HOUR: Duration = Duration::from_secs(3600);
/// As long as a short text is.
const SEALED: usize = 300;

type OwnStore = CountingStore<CopyingStore<Arc<MemoryStore>>>;

/// A carrier that shares no memory with its store, so that what goes with it was its own.
struct Counted {
    clock: Arc<VirtualClock>,
    rng: SeededRng,
    rows: Arc<MemoryStore>,
    counts: Counts,
    carrier: Arc<Carrier<OwnStore>>,
    line: InProcess<Carrier<OwnStore>>,
    shop: Caller,
    users: Vec<Caller>,
}

impl Counted {
    /// With so many users who have written to a business, and been written to.
    async fn new(users: u64) -> Self {
        let (clock, rng) = (Arc::new(VirtualClock(Instant::now())), SeededRng::new(1));
        let rows = Arc::new(MemoryStore::new());
        let store = CountingStore::new(CopyingStore::new(Arc::clone(&rows)));
        let counts = store.counts();
        let carrier = Arc::new(Carrier::open(store, clock.clone(), &rng).await.unwrap());
        let (line, shop) = (InProcess::new(Arc::clone(&carrier)), caller(shop(), 1));
        let user =
            |number| Address::user(Number::parse(&format!("{}", 16_505_580_000_u64 + number)).unwrap());
        let users = (0..users).map(|number| caller(user(number), 1)).collect();
        let counted = Self { clock, rng, rows, counts, carrier, line, shop, users };
        for who in counted.users.iter().chain([&counted.shop]) {
            counted.line.connect(who).await.unwrap();
            counted.line.publish(who, upload(b"identity", 2)).await.unwrap();
        }
        counted.send(1).await;
        let received = counted.users.iter().map(|user| counted.receive(user));
        assert!(join_all(received).await.into_iter().all(|received| received == 1));
        let answered =
            counted.users.iter().map(|user| counted.line.send(user, counted.envelope(user, &counted.shop)));
        join_all(answered).await.into_iter().for_each(Result::unwrap);
        let mut answers = 0;
        while answers < counted.users.len() {
            answers += counted.receive(&counted.shop).await;
        }
        counted
    }

    /// Has the business write so many times to every user, to many at once.
    async fn send(&self, count: usize) {
        for _ in 0..count {
            let sent =
                self.users.iter().map(|user| self.line.send(&self.shop, self.envelope(&self.shop, user)));
            join_all(sent).await.into_iter().for_each(Result::unwrap);
        }
    }

    /// How many envelopes wait for somebody, who acknowledges them.
    async fn receive(&self, who: &Caller) -> usize {
        let received = self.line.receive(who, Sequence::START).await.unwrap();
        let sequences: Vec<_> = received.iter().map(|delivery| delivery.sequence).collect();
        self.line.acknowledge(who, &sequences).await.unwrap();
        received.len()
    }

    fn envelope(&self, from: &Caller, to: &Caller) -> Envelope {
        let (from, to) = (from.address().clone(), to.address().clone());
        let (id, kind) = (MessageId::new(self.clock.now(), &self.rng), Kind::Message(Category::Service));
        let franking = FrankingTag::from_bytes([0; 32]);
        Envelope::new(id, from, to, kind, franking, Form::Signal, vec![7; SEALED]).unwrap()
    }
}

fn paused() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// The bytes that go with a carrier, so many users of which have been written to once and then so many times
/// more, and have been away for so long since.
fn held(users: u64, waiting: usize, away: Duration) -> i64 {
    let runtime = paused();
    let Counted { clock, rows, carrier, line, .. } = runtime.block_on(async {
        let counted = Counted::new(users).await;
        counted.send(waiting).await;
        counted.clock.sleep(away).await;
        counted
    });
    let freed = allocation_counter::measure(|| {
        runtime.block_on(carrier.close());
        drop((carrier, line));
        // What it ran is let go of by the runtime.
        runtime.block_on(async { clock.sleep(Duration::from_secs(1)).await });
    });
    drop(rows);
    -freed.bytes_current
}

const SOON: Duration = Duration::from_secs(10);

/// What the guide says of a mailbox in which nothing has happened for an hour.
const MOST_OF_IDLE: i64 = 64;

/// What it says of one that was read within the last minutes.
const MOST_OF_ONE_IN_USE: i64 = 2560;

#[test]
fn a_mailbox_that_is_idle_for_an_hour_takes_next_to_nothing() {
    const USERS: u64 = 2_000;
    for (away, most) in [(SOON, MOST_OF_ONE_IN_USE), (HOUR, MOST_OF_IDLE)] {
        let each = (held(USERS, 0, away) - held(0, 0, away)) / i64::try_from(USERS).unwrap();
        eprintln!("a mailbox that nobody has read for {away:?} takes {each} bytes");
        assert!(each <= most, "{each} bytes after {away:?}");
    }
}

/// What the guide says of an envelope that waits in a mailbox that is being read, beside what is sealed.
const MOST_OF_WAITING: i64 = 1280;

#[test]
fn what_waits_for_a_device_that_is_away_for_an_hour_takes_next_to_nothing() {
    const USERS: u64 = 50;
    for (away, most) in [(SOON, MOST_OF_WAITING + i64::try_from(SEALED).unwrap()), (HOUR, MOST_OF_IDLE)] {
        let none = held(USERS, 0, away);
        for waiting in [4, 64] {
            let in_all = i64::try_from(waiting).unwrap() * i64::try_from(USERS).unwrap();
            let each = (held(USERS, waiting, away) - none) / in_all;
            eprintln!("each of {waiting} that wait for {away:?} takes {each} bytes");
            assert!(each <= most, "{each} bytes for each of {waiting} after {away:?}");
        }
    }
}

/// Whatever is let go of while it waits: it is handed what comes, and from then on nothing is read again.
#[test]
fn a_device_that_has_waited_for_an_hour_is_handed_what_comes_and_the_store_is_read_once() {
    paused().block_on(async {
        let counted = Counted::new(1).await;
        let (user, mut after) = (&counted.users[0], Sequence::START);
        for (round, waits) in
            [HOUR, Duration::ZERO, Duration::ZERO, HOUR, Duration::ZERO].into_iter().enumerate()
        {
            let send = async {
                counted.clock.sleep(waits).await;
                drop(counted.counts.take());
                counted.send(1).await;
            };
            let (received, ()) = tokio::join!(counted.line.receive(user, after), send);
            let [received] = &received.unwrap()[..] else { panic!("round {round}: one was sent") };
            after = received.sequence;
            counted.line.acknowledge(user, &[after]).await.unwrap();
            let asked = counted.counts.take();
            let scans = asked.scans.values().sum::<usize>();
            if waits.is_zero() {
                assert_eq!((asked.reads(), scans), (0, 0), "round {round}");
            } else {
                assert!(asked.reads() <= 6 && scans <= 1, "round {round}: {asked:?}");
            }
        }
    });
}
