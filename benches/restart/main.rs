//! What a relay with a million conversations and a carrier with a million users read when they start.
//!
//! `cargo bench -p bulla-benches --bench restart`, with `-- --quick` for a look at whether it runs at all,
//! and with `-- --all 50000` for so many instead of a million.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a measurement that goes wrong should stop, is made with a clock, and says how far it is"
)]

#[path = "../businesses/clock.rs"]
mod clock;

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bulla_base::{Address, BusinessAccountId, Clock, Number, PhoneNumberId, Sleep, Timestamp};
use bulla_carrier::Carrier;
use bulla_content::Text;
use bulla_envelope::InstallationId;
use bulla_relay::{Business, Event, EventSink, Outgoing, OutgoingBody, Relay, SinkError};
use bulla_store::{Asked, CountingStore, Store};
use bulla_store_fjall::{FjallOptions, FjallStore};
use bulla_transport::{Caller, InProcess, Incarnation, NumberProof, Transport};
use bulla_vault::{MemoryKeyring, OperatorKey, Vault};
use clock::{Machine, spent};
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::sync::Notify;

const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);

/// How much there is.
#[derive(Clone, Copy)]
struct Extent {
    /// Conversations of the relay, and users of the carrier.
    all: usize,
    /// Conversations that have work when the relay starts.
    waiting: usize,
}

const FULL: Extent = Extent { all: 1_000_000, waiting: 1_000 };
const QUICK: Extent = Extent { all: 1_000, waiting: 10 };

/// How many are made at once.
const AT_ONCE: usize = 256;

/// A start takes so many seconds at most.
const MOST_SECONDS: f64 = 5.0;

type BenchStore = Arc<CountingStore<Vault<FjallStore>>>;

/// The machine's clock, by which the relay sweeps when it is told to.
#[derive(Debug, Default)]
struct SweepClock {
    due: Notify,
    swept: Notify,
}

impl Clock for SweepClock {
    fn now(&self) -> Timestamp {
        Machine.now()
    }

    fn sleep(&self, span: Duration) -> Sleep<'_> {
        if span != SWEPT_EVERY {
            return Machine.sleep(span);
        }
        self.swept.notify_one();
        Box::pin(self.due.notified())
    }
}

/// Who waits as long as this waits for the next sweep.
const SWEPT_EVERY: Duration = Duration::from_secs(600);

/// Takes events, or does not.
#[derive(Default)]
struct Sink {
    is_shut: AtomicBool,
    taken: AtomicUsize,
    moved: Notify,
}

impl EventSink for Sink {
    async fn forward(&self, _: &Event) -> Result<(), SinkError> {
        if self.is_shut.load(Ordering::Relaxed) {
            return Err(SinkError::new("the business is closed"));
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.moved.notify_one();
        Ok(())
    }
}

impl Sink {
    async fn until(&self, count: usize) {
        while self.taken.load(Ordering::Relaxed) < count {
            self.moved.notified().await;
        }
    }
}

/// What a start came to.
struct Start {
    what: String,
    seconds: f64,
    cpu: f64,
    asked: Asked,
}

/// The stores of relay and carrier, while they are closed.
struct Closed {
    folder: TempDir,
    keyrings: [MemoryKeyring; 2],
}

impl Closed {
    async fn stores(&self) -> [BenchStore; 2] {
        let [relay, carrier] = &self.keyrings;
        let folder = |name: &str| self.folder.path().join(name);
        [open_store(&folder("relay"), relay).await, open_store(&folder("carrier"), carrier).await]
    }
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo says `--bench` when it is to be measured; as a test it only has to run.
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let mut extent = if asked("--quick") || !asked("--bench") { QUICK } else { FULL };
    if asked("--all") {
        let all = arguments.iter().skip_while(|argument| *argument != "--all").nth(1);
        extent.all = all.and_then(|all| all.parse().ok()).unwrap_or(extent.all);
    }
    let runtime = Builder::new_multi_thread().enable_time().build()?;
    let keyrings = [MemoryKeyring::new(), MemoryKeyring::new()];
    let closed = Closed { folder: tempfile::tempdir()?, keyrings };
    runtime.block_on(fill(&closed, extent));
    let starts = runtime.block_on(start(&closed, extent));
    write(extent, &starts, &mut io::stdout().lock())
}

/// Makes all there is. Nobody has a device, so that each message fails at once, and its business is told.
async fn fill(closed: &Closed, extent: Extent) {
    let [of_relay, of_carrier] = closed.stores().await;
    let carrier = Arc::new(Carrier::open(of_carrier.clone(), Arc::new(Machine), &Machine).await.unwrap());
    let sink = Arc::new(Sink::default());
    let clock = Arc::new(SweepClock::default());
    let relay = relay(&of_relay, &carrier, &sink, clock.clone()).await;
    clock.swept.notified().await;
    let done = AtomicUsize::new(0);
    let tell = || {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(100_000) {
            eprintln!("{done} made");
        }
    };
    futures_util::stream::iter(0..extent.all)
        .for_each_concurrent(AT_ONCE, |user| {
            let (relay, tell) = (&relay, &tell);
            async move {
                submit(relay, user).await;
                tell();
            }
        })
        .await;
    sink.until(extent.all).await;
    sweep_until_idle(&clock, &of_relay).await;
    futures_util::stream::iter(0..extent.all)
        .for_each_concurrent(AT_ONCE, |user| {
            let (carrier, tell) = (&carrier, &tell);
            async move {
                carrier.register(&caller(user), &NumberProof::none()).await.unwrap();
                tell();
            }
        })
        .await;
    sink.is_shut.store(true, Ordering::Relaxed);
    for user in 0..extent.waiting {
        // Not those that were made last.
        submit(&relay, user * (extent.all / extent.waiting) / 2).await;
    }
    relay.close().await;
    carrier.close().await;
    for store in [of_relay, of_carrier] {
        store.close().await.unwrap();
    }
}

/// Has the relay sweep, as it does every ten minutes, until it has found all conversations idle. What was
/// taken by the business leaves the store first.
async fn sweep_until_idle(clock: &SweepClock, of_relay: &BenchStore) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let _before = of_relay.counts().take();
        let (began, cpu) = (Instant::now(), spent());
        clock.due.notify_waiters();
        clock.swept.notified().await;
        let (reads, took, cpu) =
            (of_relay.counts().take().reads(), began.elapsed().as_secs_f64(), spent() - cpu);
        eprintln!("a sweep took {took:.1} s, {cpu:.1} s of processor time, and read {reads} times");
        if reads < LEAST_READS {
            return;
        }
    }
}

/// A sweep that reads less often has looked at no conversation.
const LEAST_READS: usize = 100;

/// Starts both, and sees that they serve.
async fn start(closed: &Closed, extent: Extent) -> [Start; 2] {
    let [of_relay, of_carrier] = closed.stores().await;
    let (began, cpu) = (Instant::now(), spent());
    let carrier = Arc::new(Carrier::open(of_carrier.clone(), Arc::new(Machine), &Machine).await.unwrap());
    carrier.connect(&caller(extent.all / 2)).await.unwrap();
    let of_carrier_start = Start {
        what: format!("a carrier with {} users", extent.all),
        seconds: began.elapsed().as_secs_f64(),
        cpu: spent() - cpu,
        asked: of_carrier.counts().take(),
    };
    let sink = Arc::new(Sink::default());
    let (began, cpu) = (Instant::now(), spent());
    let relay = relay(&of_relay, &carrier, &sink, Arc::new(Machine)).await;
    submit(&relay, extent.all - 1).await;
    let seconds = began.elapsed().as_secs_f64();
    // What waited, and the one that failed just now.
    sink.until(extent.waiting + 1).await;
    let all_told = began.elapsed().as_secs_f64();
    let of_relay_start = Start {
        what: format!(
            "a relay with {} conversations; {} that waited were told {all_told:.2} s after the start",
            extent.all, extent.waiting
        ),
        seconds,
        cpu: spent() - cpu,
        asked: of_relay.counts().take(),
    };
    relay.close().await;
    carrier.close().await;
    for store in [of_relay, of_carrier] {
        store.close().await.unwrap();
    }
    [of_carrier_start, of_relay_start]
}

fn write(extent: Extent, starts: &[Start; 2], out: &mut impl Write) -> io::Result<()> {
    for Start { what, seconds, cpu, asked } in starts {
        let verdict = if *seconds <= MOST_SECONDS { "reached" } else { "NOT reached" };
        let (scans, rows) = (asked.scans.values().sum::<usize>(), asked.rows_read);
        writeln!(out, "{what}: serves after {seconds:.2} s ({MOST_SECONDS} are the most: {verdict})")?;
        writeln!(
            out,
            "  {cpu:.2} s of processor time, {} reads ({scans} scans) of {rows} rows",
            asked.reads()
        )?;
    }
    let [_, relay] = starts;
    let touched = relay.asked.rows_read as f64 / extent.waiting as f64;
    writeln!(out, "  {touched:.1} rows for each of the conversations that have work")
}

async fn relay(
    store: &BenchStore,
    carrier: &Arc<Carrier<BenchStore>>,
    sink: &Arc<Sink>,
    clock: Arc<dyn Clock>,
) -> Relay<BenchStore, InProcess<Carrier<BenchStore>>, Arc<Sink>> {
    let shop = Business::new(SHOP, BusinessAccountId::new(1), Number::parse("15550783881").unwrap());
    let link = InProcess::new(Arc::clone(carrier));
    Relay::builder(store.clone(), link, Arc::clone(sink), clock, Arc::new(Machine))
        .business(shop)
        .open()
        .await
        .unwrap()
}

/// Has the relay accept a text for a user whom the carrier does not know.
async fn submit(relay: &Relay<BenchStore, InProcess<Carrier<BenchStore>>, Arc<Sink>>, user: usize) {
    let to = Number::parse(&format!("1650{user:07}")).unwrap();
    relay.submit(SHOP, Outgoing::new(to, OutgoingBody::Text(Text::new("hello").unwrap()))).await.unwrap();
}

/// One of the users whom the carrier knows.
fn caller(user: usize) -> Caller {
    let address = Address::user(Number::parse(&format!("1777{user:07}")).unwrap());
    Caller::new(address, InstallationId::of_identity(&user.to_be_bytes()), Incarnation::new(1))
}

async fn open_store(folder: &Path, keyring: &MemoryKeyring) -> BenchStore {
    let rng = Arc::new(Machine);
    let keys = OperatorKey::from_bytes([7; 32], rng.clone());
    let engine = FjallStore::open(folder, FjallOptions::default()).unwrap();
    let vault = Vault::open(engine, keyring.clone(), &keys, Arc::new(Machine), rng).await.unwrap();
    Arc::new(CountingStore::new(vault))
}
