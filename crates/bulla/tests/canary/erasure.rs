//! The test: users talk to a business, both processes are searched for what they said, and a tenth of the
//! users is erased.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::business::TestBusiness;
use crate::canaries::{self, Canaries};
use crate::child::{Places, SHOPS};
use crate::processes::ChildProcess;
use crate::refused_requests::RefusedRequest;
use crate::search::{Found, Search};
use crate::users::{self, TestBed, User};

/// How many users there are, unless `CANARY_USERS` says otherwise. The whole measure is 10,000, and takes two
/// idle cores a minute.
const USERS: usize = 4_000;
/// One in so many is erased.
const ERASED: usize = 10;
/// How many of the others talk again afterwards, unless `CANARY_GO_ON` says otherwise.
const GO_ON: usize = 600;
/// How many are erased at a time.
const ERASED_AT_A_TIME: usize = 4;
/// How often everything is done alone.
const ROUNDS: usize = 3;
/// After how long it is looked whether everything is gone.
const MOMENT: Duration = Duration::from_millis(100);
/// How long an erasure may take.
const ERASURE_TIMEOUT: Duration = Duration::from_secs(1);
/// After how long nothing of what was said may be in memory.
const IDLE: Duration = Duration::from_secs(5);

pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        ErasureTest::start(folder.path()).await.run().await;
    });
    runtime.shutdown_background();
}

struct ErasureTest {
    began: Instant,
    carrier: ChildProcess,
    relay: ChildProcess,
    test_bed: Arc<TestBed>,
    /// How many bytes were looked at.
    searched: u64,
}

impl ErasureTest {
    async fn start(folder: &Path) -> Self {
        let began = Instant::now();
        let places = || Places(folder.to_path_buf());
        let shop = TestBusiness::open().await;
        let carrier = ChildProcess::start("carrier", places(), shop.server.address).await;
        let relay = ChildProcess::start("relay", places(), shop.server.address).await;
        shop.talk_to(relay.port().await);
        let (socket, canaries) = (carrier.socket.clone(), Canaries::new(asked("CANARY_USERS", USERS)));
        let stranger = tokio::sync::Mutex::new(shop.subscribe(&canaries.stranger()));
        let test_bed = Arc::new(TestBed { canaries, shop, socket, stranger, messages: AtomicUsize::new(0) });
        Self { began, carrier, relay, test_bed, searched: 0 }
    }

    async fn run(mut self) {
        for child in [&self.carrier, &self.relay] {
            what_is_planted_is_found(child, &self.test_bed.canaries).await;
        }
        self.progress("what was planted was found");

        let mut users = self.nothing_stays_of_what_is_done_alone().await;
        self.progress("one has talked, and all bad requests have been made");
        let arriving = tokio::spawn({
            let (test_bed, first) = (Arc::clone(&self.test_bed), users.len());
            async move { users::join_and_talk(&test_bed, first..test_bed.canaries.numbers().len()).await }
        });
        self.nothing_lies_open_in_flight().await;
        users.append(&mut arriving.await.unwrap());
        self.progress("everybody has talked");
        for request in RefusedRequest::all(&self.test_bed.canaries) {
            request.make(&self.test_bed).await;
        }
        self.become_idle().await;
        self.nothing_said_is_left(&HashSet::new());
        self.progress("nothing said is left");

        let begun = self.carrier.bundles().await;
        let (erased, others): (Vec<User>, Vec<User>) =
            users.into_iter().partition(|user| user.place % ERASED == user.place / ERASED % ERASED);
        let gone: HashSet<usize> = erased.iter().map(|user| user.place).collect();
        let (others_count, erased_count) = (others.len(), erased.len());
        let (longest, intact) = self.erase(erased, others_count).await;
        self.progress("a tenth is erased");

        let (some, others) = spread(others, asked("CANARY_GO_ON", GO_ON));
        let going_on = some.len();
        let some = users::talk_again(&self.test_bed, some).await;
        assert_eq!(self.carrier.bundles().await, begun, "sessions were begun anew");
        self.progress("others have gone on");

        self.become_idle().await;
        self.nothing_said_is_left(&gone);
        drop((some, others));
        println!(
            "canary: {} users, {} messages, {} canaries; {} MiB of memory and files searched, 0 hits; {erased_count} users erased, the longest \
             took {} ms; {intact} rows of the other {others_count} read again, {going_on} of them went on in their sessions; {:.0} s",
            self.test_bed.canaries.numbers().len(),
            self.test_bed.messages.load(Ordering::Relaxed),
            self.test_bed.canaries.texts().len(),
            self.searched >> 20,
            longest.as_millis(),
            self.began.elapsed().as_secs_f64(),
        );
    }

    /// Has one user talk and then the shop make mistakes, each alone: nothing comes after it that would
    /// overwrite what it leaves on stacks and in buffers. Who has talked.
    async fn nothing_stays_of_what_is_done_alone(&mut self) -> Vec<User> {
        let test_bed = Arc::clone(&self.test_bed);
        let mut users = users::join_and_talk(&test_bed, 0..1).await;
        self.nothing_is_left_in_the_relay("a first conversation").await;
        for _ in 0..ROUNDS {
            users = users::talk_again(&test_bed, users).await;
            self.nothing_is_left_in_the_relay("a conversation").await;
            for request in RefusedRequest::all(&test_bed.canaries) {
                request.make(&test_bed).await;
                self.nothing_is_left_in_the_relay(request.what).await;
            }
        }
        users
    }

    /// Looks again for a while: the shop is told before the relay has written down that it was.
    async fn nothing_is_left_in_the_relay(&mut self, after: &str) {
        self.test_bed.shop.hang_up();
        let search = Search::new(&self.test_bed.canaries, &self.test_bed.canaries.texts(), &self.everybody());
        let begun = Instant::now();
        let found = loop {
            tokio::time::sleep(MOMENT).await;
            let found = self.relay.memory(&search);
            if found.hits.is_empty() || begun.elapsed() > IDLE {
                break found;
            }
        };
        self.nothing(found, &format!("the relay, after {after}"));
    }

    /// Waits until the relay has things in hand that the shop has not taken. They are in its memory, as they
    /// must be, and nowhere else.
    async fn nothing_lies_open_in_flight(&mut self) {
        let test_bed = Arc::clone(&self.test_bed);
        let before = test_bed.messages.load(Ordering::Relaxed);
        while test_bed.messages.load(Ordering::Relaxed) - before < test_bed.canaries.numbers().len() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        test_bed.shop.server.set_open(false);
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (texts, numbers) = (test_bed.canaries.texts(), test_bed.canaries.numbers());
        let found = self.relay.memory(&Search::new(&test_bed.canaries, &texts, numbers));
        assert!(
            found.hits.iter().any(|hit| hit.kind == "text"),
            "the search does not see what the relay holds"
        );
        assert!(found.hits.iter().any(|hit| hit.kind == "number"), "the search does not see whose it is");
        self.searched += found.bytes;
        self.files_say_nothing();
        let blind = self.carrier.memory(&Search::new(&test_bed.canaries, &texts, &[]));
        self.nothing(blind, "the carrier, while messages pass through it");
        test_bed.shop.server.set_open(true);
    }

    /// Ends the idle connections to the Graph API, whose buffers are not ours, and lets everything else
    /// become idle.
    async fn become_idle(&self) {
        self.test_bed.shop.hang_up();
        tokio::time::sleep(IDLE).await;
    }

    /// Nothing that was said is in anybody's memory or files, no number is in files or in the relay's memory,
    /// and of those who are gone nothing is in the carrier's memory, which knows who is there.
    fn nothing_said_is_left(&mut self, gone: &HashSet<usize>) {
        self.files_say_nothing();
        let canaries = &self.test_bed.canaries;
        let search = Search::new(canaries, &canaries.texts(), &self.everybody());
        let sighted = self.relay.memory(&search);
        let mut blind = self.carrier.memory(&search);
        let there = blind.hits.len();
        blind.hits.retain(|hit| hit.kind != "number" || gone.contains(&hit.mark));
        assert!(there > blind.hits.len(), "the search does not see who is there");
        self.nothing(sighted, "the relay, which is idle");
        self.nothing(blind, "the carrier, which is idle");
    }

    /// No text and no number stands in a file of anybody's: stores, journals, keyrings, logs, and what was
    /// printed.
    fn files_say_nothing(&mut self) {
        let canaries = &self.test_bed.canaries;
        let search = Search::new(canaries, &canaries.texts(), &self.everybody());
        let (relay, carrier) = (self.relay.files(&search), self.carrier.files(&search));
        self.nothing(relay, "the relay's files");
        self.nothing(carrier, "the carrier's files");
    }

    fn everybody(&self) -> Vec<String> {
        let canaries = &self.test_bed.canaries;
        canaries.numbers().iter().cloned().chain([canaries.stranger()]).collect()
    }

    fn nothing(&mut self, found: Found, place: &str) {
        assert!(found.bytes > 1 << 20, "{place}: {} bytes were searched", found.bytes);
        assert!(found.hits.is_empty(), "found in {place}:\n{}", found.report());
        self.searched += found.bytes;
    }

    /// Erases those, with what is under way to them, and shows that nobody else lost anything. How long the
    /// longest took, and how many rows of others were read again.
    async fn erase(&self, mut erased: Vec<User>, others: usize) -> (Duration, u64) {
        for user in &mut erased {
            user.leave().await;
        }
        for few in erased.chunks_mut(64) {
            join_all(few.iter_mut().map(|user| user.is_told_what_never_arrives(&self.test_bed))).await;
        }
        // The last rows go when the business has said yes.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let children = [&self.carrier, &self.relay];
        for child in children {
            child.remember_rows().await;
        }

        let (permits, mut tasks) = (Arc::new(Semaphore::new(ERASED_AT_A_TIME)), JoinSet::new());
        for user in &erased {
            let (permits, number) = (Arc::clone(&permits), user.number.clone());
            let (carrier, relay) = (self.carrier.socket.clone(), self.relay.socket.clone());
            tasks.spawn(async move {
                let _permit = permits.acquire_owned().await.unwrap();
                // The carrier first, or it would deliver what begins a new conversation.
                [ChildProcess::erase(&carrier, &number).await, ChildProcess::erase(&relay, &number).await]
            });
        }
        let erasures = tasks.join_all().await;
        assert!(erasures.iter().flatten().all(|(_, records)| *records > 0), "there was nothing to erase");
        let longest = erasures.iter().flatten().map(|(took, _)| *took).max().unwrap_or_default();
        assert!(longest <= ERASURE_TIMEOUT, "an erasure took {longest:?}");

        let mut intact = 0;
        for child in children {
            let rows = child.compare_rows().await;
            intact += rows.opened;
            assert_eq!((rows.emptied, rows.left), (erased.len() as u64, 0), "{}: {rows:?}", child.role);
            assert!(rows.untouched >= others as u64, "{}: {rows:?}", child.role);
            assert!(rows.changed <= SHOPS.len() as u64 + 1, "{}: {rows:?}", child.role);
            assert!(rows.rows > rows.untouched && rows.opened == rows.rows, "{}: {rows:?}", child.role);
        }
        (longest, intact)
    }

    fn progress(&self, what: &str) {
        println!("{:6.1} s  {what}", self.began.elapsed().as_secs_f64());
    }
}

/// Shows that the search sees: what is planted in a process and in its folder is found in every shape, and
/// nothing when it is gone.
async fn what_is_planted_is_found(child: &ChildProcess, canaries: &Canaries) {
    let (text, number) = (canaries.canary(), canaries.numbers()[0].clone());
    let shapes = [("text", canaries::shapes_of_text(&text)), ("number", canaries::shapes_of_number(&number))];
    let between = [0xa5; 100];
    let planted = shapes.iter().flat_map(|(_, shapes)| shapes);
    let planted: Vec<u8> = planted.flat_map(|(_, shape)| [&between, &shape[..]].concat()).collect();
    let search = Search::new(canaries, &[text], &[number]);

    child.plant(&planted).await;
    for found in [child.memory(&search), child.files(&search)] {
        for (kind, shapes) in &shapes {
            for (name, shape) in shapes {
                // Some shapes of the same bytes are alike.
                let alike = shapes.iter().filter(|(_, other)| other == shape).map(|(name, _)| name);
                let seen = alike.clone().any(|name| {
                    found.hits.iter().any(|hit| (hit.kind, hit.shape, hit.mark) == (kind, name, 0))
                });
                assert!(seen, "the search does not see the {kind} as {name}; it sees\n{}", found.report());
            }
        }
    }
    child.uproot().await;
    for found in [child.memory(&search), child.files(&search)] {
        assert!(found.hits.is_empty(), "what was uprooted is still there:\n{}", found.report());
    }
}

/// So many of `users`, from all over, and the rest.
fn spread(users: Vec<User>, count: usize) -> (Vec<User>, Vec<User>) {
    let (step, mut place) = (users.len().div_ceil(count.max(1)).max(1), 0);
    users.into_iter().partition(|_| {
        place += 1;
        (place - 1) % step == 0
    })
}

/// What the environment asks for, or `default`.
fn asked(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |asked| asked.parse().unwrap())
}
