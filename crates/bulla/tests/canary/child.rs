//! The two processes that are searched: what runs in them, and what they can be asked.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bulla::base::{BusinessAccountId, Clock, Number, PhoneNumberId};
use bulla::carrier::Carrier;
use bulla::fjall::{FjallOptions, FjallStore};
use bulla::graph::{GraphApi, Tokens};
use bulla::relay::{Business, Settings};
use bulla::store::{Retention, keep_up};
use bulla::vault::{FileKeyring, OperatorKey, Vault};
use bulla::webhook::{AllowedNetworks, Connector, Webhook, WebhookSink};
use bulla::{Host, SystemClock, SystemRng};
use bytes::{BufMut, Bytes};
use tokio::net::TcpListener;

use crate::log;
use crate::remote_carrier::{Counter, RemoteCarrier};
use crate::socket::{self, DONE, SocketClient};
use crate::tracked_rows::TrackedEngine;

/// Tells a child what to be, where, and whom to tell what happens.
pub(crate) const ROLE: &str = "CANARY_ROLE";
pub(crate) const FOLDER: &str = "CANARY_FOLDER";
pub(crate) const WEBHOOK: &str = "CANARY_WEBHOOK";

/// The business's numbers, each with users of its own. Several, because what was read from a queue lies
/// before what is read next until the engine has merged its files: one queue for all takes longer than all
/// the rest.
pub(crate) const SHOPS: [PhoneNumberId; 16] = {
    let mut shops = [PhoneNumberId::new(106_540_352_242_922); 16];
    let mut place = 0;
    while place < shops.len() {
        shops[place] = PhoneNumberId::new(106_540_352_242_922 + place as u64);
        place += 1;
    }
    shops
};
pub(crate) const TOKEN: &str = "the-shop-s-token";
pub(crate) const VERIFY_TOKEN: &str = "a-word-agreed-on";
pub(crate) const APP_SECRET: &str = "the-shop-s-secret";

/// What a child can be asked, beside what it is there for.
pub(crate) mod words {
    /// Keep these bytes in memory and in a file.
    pub(crate) const PLANT: u8 = 0x20;
    /// Forget what was planted.
    pub(crate) const UPROOT: u8 = 0x21;
    /// Erase the user with this number. Microseconds, records.
    pub(crate) const ERASE: u8 = 0x22;
    /// Remember which rows there are.
    pub(crate) const REMEMBER: u8 = 0x23;
    /// Compare them with those of now.
    pub(crate) const COMPARE: u8 = 0x24;
    /// How many sessions were begun. The carrier's.
    pub(crate) const BUNDLES: u8 = 0x25;
    /// On which port the Graph API is. The relay's.
    pub(crate) const PORT: u8 = 0x26;
}

type ChildStore = Arc<Vault<TrackedEngine<FjallStore>>>;

/// Where things are, below the folder of a run.
pub(crate) struct Places(pub(crate) PathBuf);

impl Places {
    pub(crate) fn socket(&self, role: &str) -> PathBuf {
        self.0.join(format!("{role}.socket"))
    }

    /// Everything of one party's: store, keyring, log and what it prints.
    pub(crate) fn of(&self, role: &str) -> PathBuf {
        self.0.join(role)
    }
}

/// Is `role` until the parent is gone.
pub(crate) fn run(role: &str, folder: &str) {
    let places = Places(PathBuf::from(folder));
    log::log_to(&places.of(role).join("log"));
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        std::process::exit(1);
    }));
    // The parent holds the other end, and writes nothing.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_line(&mut String::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        match role {
            "carrier" => run_carrier(&places).await,
            "relay" => run_relay(&places).await,
            other => panic!("no role {other}"),
        }
    });
}

async fn run_carrier(places: &Places) {
    let store = open(&places.of("carrier")).await;
    let ticking = Arc::clone(&store);
    tokio::spawn(async move { panic!("{:?}", keep_up(&ticking, &SystemClock).await) });
    let carrier = Carrier::open(Arc::clone(&store), Arc::new(SystemClock), &SystemRng).await.unwrap();
    let counter = Arc::new(Counter { carrier: Arc::new(carrier), bundles: AtomicU64::new(0) });
    let planted_bytes = Arc::new(PlantedBytes::new(places.of("carrier")));
    let answer = move |word, body: Bytes| {
        let (counter, store, planted_bytes) =
            (Arc::clone(&counter), Arc::clone(&store), Arc::clone(&planted_bytes));
        async move {
            if let Some(answer) = counter.answer(word, body.clone()).await {
                return answer;
            }
            let answer = match word {
                words::ERASE => {
                    let (user, began) = (number(&body), Instant::now());
                    let erased = counter.carrier.erase(&user).await.unwrap();
                    numbers(&[micros(began), erased.records() as u64])
                }
                words::BUNDLES => numbers(&[counter.bundles.load(Ordering::Relaxed)]),
                word => common(word, body, &store, &planted_bytes).await,
            };
            (DONE, answer)
        }
    };
    socket::serve(&places.socket("carrier"), answer).await;
}

async fn run_relay(places: &Places) {
    let store = open(&places.of("relay")).await;
    let business = |id| Business::new(id, BusinessAccountId::new(1), Number::parse("15550783881").unwrap());
    let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
    let webhook = Webhook::new(&std::env::var(WEBHOOK).unwrap(), VERIFY_TOKEN, APP_SECRET).unwrap();
    let connector = Connector::new().allow(AllowedNetworks::loopback());
    let sink = WebhookSink::new(connector, clock.clone(), rng.clone());
    sink.subscribe(SHOPS.map(business), webhook).unwrap();
    sink.verify().await.unwrap();
    let way = RemoteCarrier {
        socket: SocketClient::connect(&places.socket("carrier")).await,
        pretended_stock: None,
    };
    let builder = Host::new().relay(Arc::clone(&store), way, sink);
    let builder = SHOPS.into_iter().fold(builder, |builder, id| builder.business(business(id)));
    // What can be reported stays when the business has it: sealed, and nowhere else.
    let settings = Settings::default().reportable_for(Retention::LONGEST);
    let relay = builder.settings(settings).open().await.unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = u64::from(listener.local_addr().unwrap().port());
    let tokens = Tokens::new(&*rng);
    tokens.grant(TOKEN, SHOPS).unwrap();
    let api = GraphApi::new(relay.clone(), tokens, clock, rng);
    tokio::spawn(async move { api.serve(listener, std::future::pending()).await.unwrap() });
    let watched = relay.clone();
    tokio::spawn(async move { panic!("the relay has stopped: {:?}", watched.stopped().await) });

    let planted_bytes = Arc::new(PlantedBytes::new(places.of("relay")));
    let answer = move |word, body: Bytes| {
        let (relay, store, planted_bytes) = (relay.clone(), Arc::clone(&store), Arc::clone(&planted_bytes));
        async move {
            let answer = match word {
                words::ERASE => {
                    let (user, began) = (number(&body), Instant::now());
                    let erased = relay.erase(&user).await.unwrap();
                    numbers(&[micros(began), erased.records() as u64])
                }
                words::PORT => numbers(&[port]),
                word => common(word, body, &store, &planted_bytes).await,
            };
            (DONE, answer)
        }
    };
    socket::serve(&places.socket("relay"), answer).await;
}

/// What both can be asked.
async fn common(word: u8, body: Bytes, store: &ChildStore, planted_bytes: &PlantedBytes) -> Vec<u8> {
    match word {
        words::PLANT => planted_bytes.plant(body),
        words::UPROOT => planted_bytes.uproot(),
        words::REMEMBER => store.engine().remember(),
        words::COMPARE => {
            return numbers(&TrackedEngine::compare(store, SystemClock.now()).await.to_numbers());
        }
        other => panic!("nobody knows the word {other:#x}"),
    }
    Vec::new()
}

/// Opens the store in `folder`: an engine whose rows are listed, under a vault.
async fn open(folder: &Path) -> ChildStore {
    let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
    let engine = FjallStore::open(folder.join("store"), FjallOptions::default()).unwrap();
    let keyring = FileKeyring::open(folder.join("keyring")).unwrap();
    let key = OperatorKey::create_file(folder.join("operator.key"), rng.clone()).unwrap();
    Arc::new(Vault::open(TrackedEngine::new(engine), keyring, &key, clock, rng).await.unwrap())
}

/// Where things are planted, so that it shows whether they are found.
struct PlantedBytes {
    folder: PathBuf,
    planted: Mutex<Option<Bytes>>,
}

impl PlantedBytes {
    fn new(folder: PathBuf) -> Self {
        Self { folder, planted: Mutex::default() }
    }

    fn file(&self) -> PathBuf {
        self.folder.join("planted")
    }

    fn plant(&self, bytes: Bytes) {
        fs::write(self.file(), &bytes).unwrap();
        *self.planted.lock().unwrap() = Some(bytes);
    }

    fn uproot(&self) {
        fs::remove_file(self.file()).unwrap();
        *self.planted.lock().unwrap() = None;
    }
}

fn number(digits: &[u8]) -> Number {
    Number::parse(std::str::from_utf8(digits).unwrap()).unwrap()
}

fn numbers(numbers: &[u64]) -> Vec<u8> {
    let mut answer = Vec::with_capacity(numbers.len() * 8);
    numbers.iter().for_each(|number| answer.put_u64(*number));
    answer
}

fn micros(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap()
}
