//! A store that was put back from a backup, under a whole relay.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla::base::{BusinessAccountId, Clock, Number, PhoneNumberId, Rng};
use bulla::content::{Body, Content, Text};
use bulla::device::{Device, DeviceEventKind};
use bulla::fjall::{FjallOptions, FjallStore};
use bulla::relay::{Business, Event, EventSink, Incoming, Outgoing, OutgoingBody, RelayError, SinkError};
use bulla::store::BoxStore;
use bulla::transport::{BoxTransport, InProcess, TransportError};
use bulla::vault::{FileKeyring, OperatorKey, Vault};
use bulla::{Host, SystemClock, SystemRng};

use bulla_sim::{ObservedTransport, RunLog};

use crate::test_types::{TestCarrier, TestDevice, TestRelay, any_sink, memory_store};

const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
/// How long anything may take before the test is given up.
const PATIENCE: Duration = Duration::from_secs(30);

type Line = ObservedTransport<InProcess<TestCarrier>>;
type Sealed = Arc<Vault<FjallStore>>;

/// What the business was told, in its order.
#[derive(Clone, Default)]
struct Counter(Arc<Mutex<Vec<String>>>);

impl EventSink for Counter {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        if let Event::Message(_, Incoming::Text { text, .. }) = event {
            self.0.lock().unwrap().push(text.body().to_owned());
        }
        Ok(())
    }
}

struct World {
    folder: tempfile::TempDir,
    line: Line,
    counter: Counter,
    alice: TestDevice,
}

fn alice() -> Number {
    Number::parse("16505551234").unwrap()
}

fn text(words: &str) -> Text {
    Text::new(words).unwrap()
}

/// What `task` comes to, unless it takes too long.
async fn within_reason<R>(what: &str, task: impl Future<Output = R>) -> R {
    tokio::select! {
        outcome = task => outcome,
        () = SystemClock.sleep(PATIENCE) => panic!("this never happened: {what}"),
    }
}

impl World {
    async fn new() -> Self {
        let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let carrier = TestCarrier::open(memory_store(), Arc::clone(&clock), &*rng).await.unwrap();
        let run_log = Arc::new(RunLog::new(Arc::clone(&clock)));
        let line = ObservedTransport::new(InProcess::new(Arc::new(carrier)), run_log);
        let transport = BoxTransport::new(line.clone());
        let alice = Device::open(memory_store(), transport, clock, rng, alice()).await.unwrap();
        Self { folder: tempfile::tempdir().unwrap(), line, counter: Counter::default(), alice }
    }

    /// A conversation that has begun, of which there is a backup; the relay is down.
    async fn backed_up() -> Self {
        let world = Self::new().await;
        world
            .relay(async |relay| {
                world.ask("hello").await;
                world.answer(relay, "good day").await;
            })
            .await;
        copy(&world.path("store"), &world.path("backup"));
        world
    }

    /// Puts the backup in place of the database.
    fn put_back(&self, database: &str) {
        fs::remove_dir_all(self.path(database)).unwrap();
        copy(&self.path("backup"), &self.path(database));
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// The relay's store.
    async fn vault(&self) -> Sealed {
        self.vault_at("store", "keyring").await
    }

    async fn vault_at(&self, store: &str, keyring: &str) -> Sealed {
        let engine = FjallStore::open(self.path(store), FjallOptions::default()).unwrap();
        let keyring = FileKeyring::open(self.path(keyring)).unwrap();
        let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let operator = OperatorKey::from_bytes([7; 32], rng.clone());
        Arc::new(Vault::open(engine, keyring, &operator, clock, rng).await.unwrap())
    }

    async fn open(&self, vault: Sealed) -> Result<TestRelay, RelayError> {
        let business = Business::new(SHOP, BusinessAccountId::new(1), Number::parse("15550783881").unwrap());
        let (store, transport) = (BoxStore::new(vault), BoxTransport::new(self.line.clone()));
        Host::new().relay(store, transport, any_sink(self.counter.clone())).business(business).open().await
    }

    /// A relay for as long as `while_open` takes, on the store as it is.
    async fn relay<R>(&self, while_open: impl AsyncFnOnce(&TestRelay) -> R) -> R {
        let relay = self.open(self.vault().await).await.unwrap();
        let outcome = while_open(&relay).await;
        relay.close().await;
        outcome
    }

    /// The user says this, and the business hears it.
    async fn ask(&self, words: &str) {
        self.alice.send(SHOP, &Content::text(text(words))).await.unwrap();
        self.heard(words).await;
    }

    async fn heard(&self, words: &str) {
        within_reason(&format!("the business heard {words:?}"), async {
            while !self.counter.0.lock().unwrap().iter().any(|heard| heard == words) {
                SystemClock.sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    /// The business says this, and it is the next thing the user is shown besides how far messages have come.
    async fn answer(&self, relay: &TestRelay, words: &str) {
        relay.submit(SHOP, Outgoing::new(alice(), OutgoingBody::Text(text(words)))).await.unwrap();
        match within_reason(&format!("the user was shown {words:?}"), self.shown()).await {
            DeviceEventKind::Message(content) => {
                assert!(matches!(content.body(), Body::Text(said) if said.body() == words))
            }
            other => panic!("instead of {words:?}: {other:?}"),
        }
    }

    /// The next news that is not how far messages have come.
    async fn shown(&self) -> DeviceEventKind {
        loop {
            let event = self.alice.next().await.unwrap();
            let news = event.kind().clone();
            self.alice.acknowledge(event).await.unwrap();
            if !matches!(news, DeviceEventKind::Receipt(_)) {
                return news;
            }
        }
    }
}

/// Copies a folder, as a backup would.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test]
async fn a_store_from_a_backup_opens_what_comes_and_seals_in_new_sessions() {
    let world = World::backed_up().await;
    // Under way while the relay is down, in the session that the backup holds.
    world.alice.send(SHOP, &Content::text(text("still there?"))).await.unwrap();

    world.relay(async |relay| world.answer(relay, "what the backup does not know").await).await;
    for round in 0..3 {
        world.put_back("store");
        let vault = world.vault().await;
        assert!(vault.is_restored(), "round {round}: an old store was not told from the present one");
        let relay = world.open(Arc::clone(&vault)).await.unwrap();
        assert!(!vault.is_restored(), "round {round}: it was not taken for the present one");
        drop(vault);
        // Sealed in anything but a new session it would be a step taken twice, which the line does not let
        // pass.
        world.answer(&relay, &format!("a new session, {round}")).await;
        world.ask(&format!("in which I answer, {round}")).await;
        world.answer(&relay, &format!("gladly, {round}")).await;
        relay.close().await;
        drop(relay);
        world.relay(async |relay| world.answer(relay, &format!("after a restart, {round}")).await).await;
    }
    assert_eq!(world.line.run_log().violation(), None);
    assert!(world.line.run_log().steps() > 20);
}

#[tokio::test]
async fn what_is_under_way_to_a_restored_store_is_opened() {
    let world = World::backed_up().await;
    drop(world.vault().await);
    world.alice.send(SHOP, &Content::text(text("still there?"))).await.unwrap();
    world.put_back("store");
    world
        .relay(async |relay| {
            world.heard("still there?").await;
            world.answer(relay, "yes").await;
            world.ask("good").await;
        })
        .await;
}

#[tokio::test]
async fn a_device_on_a_restored_store_writes_in_a_new_session() {
    let world = World::new().await;
    let relay = world.open(world.vault().await).await.unwrap();
    let bob = Number::parse("4915112345678").unwrap();
    let open = async || {
        let vault = world.vault_at("bob", "bob.keyring").await;
        let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let (store, transport) = (BoxStore::new(vault), BoxTransport::new(world.line.clone()));
        Device::open(store, transport, clock, rng, bob.clone()).await.unwrap()
    };
    let say = async |device: &TestDevice, words: &str| {
        device.send(SHOP, &Content::text(text(words))).await.unwrap();
        world.heard(words).await;
    };
    let device = open().await;
    say(&device, "hello").await;
    device.close().await;
    drop(device);
    copy(&world.path("bob"), &world.path("backup"));
    let device = open().await;
    say(&device, "what the backup does not know").await;
    device.close().await;
    drop(device);

    world.put_back("bob");
    let device = open().await;
    say(&device, "in a new session").await;
    relay.submit(SHOP, Outgoing::new(bob, OutgoingBody::Text(text("welcome back")))).await.unwrap();
    within_reason("the user was welcomed back", async {
        while !matches!(device.next().await.unwrap().kind(), DeviceEventKind::Message(_)) {}
    })
    .await;
    device.close().await;
    relay.close().await;
    assert_eq!(world.line.run_log().violation(), None);
}

#[tokio::test]
async fn a_copy_beside_the_store_is_fenced() {
    let world = World::new().await;
    let relay = world.open(world.vault().await).await.unwrap();
    world.ask("hello").await;
    world.answer(&relay, "good day").await;
    relay.close().await;
    drop(relay);
    // Store and keyring both, as in an image of the machine.
    copy(&world.path("store"), &world.path("copy"));
    fs::copy(world.path("keyring"), world.path("copy.keyring")).unwrap();
    world.relay(async |relay| world.answer(relay, "one start later").await).await;
    world.relay(async |relay| world.answer(relay, "two starts later").await).await;
    fs::remove_dir_all(world.path("store")).unwrap();
    copy(&world.path("copy"), &world.path("store"));
    fs::copy(world.path("copy.keyring"), world.path("keyring")).unwrap();
    let old = world.open(world.vault().await).await.unwrap();
    let suspended = old.suspended();
    assert!(
        matches!(&suspended[..], [only] if matches!(*only.why, RelayError::Transport(TransportError::Fenced { .. }))),
        "the carrier did not tell an old copy by its incarnation: {suspended:?}"
    );
}
