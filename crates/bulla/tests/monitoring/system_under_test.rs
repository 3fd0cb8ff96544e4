//! A carrier, a relay with its Graph API, and a sink to the business's webhook.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bulla::base::{Backoff, BusinessAccountId, Clock, Number, PhoneNumberId};
use bulla::carrier::{BlobSettings, BlobStorage, Carrier, FolderBlobs, NumberVerifier, TrustedHost};
use bulla::content::Content;
use bulla::device::{Device, DeviceEventKind, SendError};
use bulla::endpoint::OnSplitLog;
use bulla::graph::{GraphApi, Tokens};
use bulla::relay::{Business, Event, EventSink, Relay, RelayError, Settings, SinkError};
use bulla::store::Retention;
use bulla::transparency::{LogSigner, Origin};
use bulla::transport::InProcess;
use bulla::webhook::{AllowedNetworks, Connector, Webhook, WebhookSink};
use bulla::{Host, SystemClock, SystemRng};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::business::TestBusiness;
use crate::faults::{self, FaultyTransport, TestStore};

pub(crate) const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
pub(crate) const OWN_NUMBER: &str = "15550783881";
pub(crate) const TOKEN: &str = "EAAGm0PX4ZCpsBA-the-shop-s-own";

pub(crate) type Link = FaultyTransport<InProcess<Carrier<TestStore>>>;
type OurRelay = Relay<TestStore, Link, Arc<BreakableSink>>;

/// The webhook, and a handler of the host's that may break.
pub(crate) struct BreakableSink {
    webhook: WebhookSink,
    pub(crate) breaks: AtomicBool,
}

impl EventSink for BreakableSink {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        assert!(!self.breaks.load(Ordering::Relaxed), "the host's handler breaks");
        self.webhook.forward(event).await
    }
}

/// Everybody but the users.
pub(crate) struct System {
    folder: PathBuf,
    pub(crate) carrier: Arc<Carrier<TestStore>>,
    pub(crate) transport: Link,
    pub(crate) sink: Arc<BreakableSink>,
    pub(crate) settings: Settings,
}

impl System {
    pub(crate) async fn open(folder: &Path, shop: &TestBusiness, secrets: [String; 3]) -> Self {
        let [query, verify_token, app_secret] = secrets;
        let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let store = faults::open(&folder.join("carrier")).await;
        let files = FolderBlobs::open(folder.join("blobs")).unwrap();
        let blobs = BlobStorage::new(files, BlobSettings::default());
        let host: Arc<dyn NumberVerifier> = Arc::new(TrustedHost);
        let carrier = Carrier::open_with_blobs(store, clock.clone(), &SystemRng, host, blobs).await.unwrap();
        let carrier = Arc::new(carrier.with_key_log(log_signer()).await.unwrap());
        let transport = FaultyTransport {
            carrier: InProcess::new(carrier.clone()),
            cut: Arc::default(),
            garbles: Arc::default(),
        };
        let url = format!("http://{}/hook?key={query}", shop.address);
        let webhook = Webhook::new(&url, verify_token, app_secret).unwrap();
        let sink = WebhookSink::new(Connector::new().allow(AllowedNetworks::loopback()), clock, rng);
        sink.subscribe([business()], webhook).unwrap();
        let sink = Arc::new(BreakableSink { webhook: sink, breaks: AtomicBool::new(false) });
        let settings = Settings::default()
            .key_log(log_signer().public().clone())
            .reportable_for(Retention::LONGEST)
            .backoff(Backoff::new(Duration::from_millis(200), Duration::from_secs(1)).unwrap());
        Self { folder: folder.to_path_buf(), carrier, transport, sink, settings }
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Opens a relay on what is in the folder `name`.
    pub(crate) async fn relay(&self, name: &str) -> Result<RunningRelay, RelayError> {
        let store = faults::open(&self.folder(name)).await;
        let builder = Host::new().relay(store.clone(), self.transport.clone(), self.sink.clone());
        let relay = builder.business(business()).settings(self.settings.clone()).open().await?;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = listener.local_addr().unwrap();
        let tokens = Tokens::new(&SystemRng);
        tokens.grant(TOKEN, [SHOP]).unwrap();
        let graph = GraphApi::new(relay.clone(), tokens, Arc::new(SystemClock), Arc::new(SystemRng));
        let serving = tokio::spawn(async move { drop(graph.serve(listener, std::future::pending()).await) });
        Ok(RunningRelay { relay, store, api, serving })
    }

    /// Opens two relays on one store, of which the second takes over from the first.
    pub(crate) async fn one_takes_over(&self, name: &str) {
        let store = faults::open(&self.folder(name)).await;
        let open = || {
            let builder = Host::new().relay(store.clone(), self.transport.clone(), self.sink.clone());
            builder.business(business()).settings(self.settings.clone().failover()).open()
        };
        let (first, second) = (open().await.unwrap(), open().await.unwrap());
        assert!(first.suspended().is_empty() && !second.suspended().is_empty(), "one acts");
        first.close().await;
        while !second.suspended().is_empty() {
            a_moment().await;
        }
        // Once in ten minutes it looks for work that another has left; the first look comes at once.
        a_moment().await;
        second.close().await;
        store.engine().close().await;
    }
}

/// A relay that runs.
pub(crate) struct RunningRelay {
    pub(crate) relay: OurRelay,
    pub(crate) store: TestStore,
    pub(crate) api: SocketAddr,
    serving: JoinHandle<()>,
}

impl RunningRelay {
    /// Serves the API where connections come in that cannot be accepted, for a while.
    pub(crate) async fn nobody_can_be_accepted(&self) {
        // Datagrams can be waited for, and cannot be accepted: as good as a process that has no file left.
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(b"come in", socket.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let listener = std::net::TcpListener::from(std::os::fd::OwnedFd::from(socket));
        let listener = TcpListener::from_std(listener).unwrap();
        let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let graph = GraphApi::new(self.relay.clone(), Tokens::new(&SystemRng), clock, rng);
        graph.serve(listener, a_moment()).await.unwrap();
    }

    pub(crate) async fn close(self) {
        self.serving.abort();
        drop(self.serving.await);
        self.relay.close().await;
        self.store.engine().close().await;
    }
}

/// The carrier's key of its log of keys.
pub(crate) fn log_signer() -> LogSigner {
    LogSigner::from_seed(Origin::parse("carrier.example/keys").unwrap(), &[7; 32])
}

fn business() -> Business {
    Business::new(SHOP, BusinessAccountId::new(1), Number::parse(OWN_NUMBER).unwrap())
}

/// A user with a device, who reads whatever comes.
pub(crate) struct User {
    pub(crate) device: Device<TestStore, Link>,
    store: TestStore,
    reading: JoinHandle<()>,
}

impl User {
    pub(crate) async fn open(system: &System, number: &str, folder: &str) -> Self {
        let store = faults::open(&system.folder(folder)).await;
        let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let number = Number::parse(number).unwrap();
        let device = Device::open(store.clone(), system.transport.clone(), clock, rng, number).await.unwrap();
        device.check_log(log_signer().public().clone(), OnSplitLog::default()).await.unwrap();
        let reader = device.clone();
        let reading = tokio::spawn(async move {
            while let Ok(event) = reader.next().await {
                let _ = matches!(event.kind(), DeviceEventKind::Message(_));
                drop(reader.acknowledge(event).await);
            }
        });
        Self { device, store, reading }
    }

    pub(crate) async fn say(&self, content: Content) {
        // The keys of a relay that has just begun may be on their way to the carrier still.
        for _ in 0..10 {
            match self.device.send(SHOP, &content).await {
                Err(SendError::Unavailable(_)) => a_moment().await,
                sent => {
                    sent.unwrap();
                    return;
                }
            }
        }
        panic!("the business leaves no keys");
    }

    pub(crate) async fn close(self) {
        self.reading.abort();
        drop(self.reading.await);
        self.device.close().await;
        self.store.engine().close().await;
    }
}

/// Lets what is under way go on for a while.
pub(crate) async fn a_moment() {
    SystemClock.sleep(Duration::from_millis(700)).await;
}
