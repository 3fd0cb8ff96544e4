//! The carrier that is measured, served over TLS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_base::Clock;
use bulla_carrier::Carrier;
use bulla_carrier::grpc::{GrpcService, GrpcSettings, Listening, ProvenIdentity, serve};
use bulla_example_program::tls;
use bulla_store::{CountingStore, Store};
use bulla_store_fjall::{FjallOptions, FjallStore};
use bulla_transport::grpc::{GrpcTransport, Tls};
use bulla_vault::{MemoryKeyring, OperatorKey, Vault};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clock::Machine;
use crate::tls_client::NAME;

type BenchStore = Arc<CountingStore<Vault<Arc<FjallStore>>>>;

/// A carrier on the embedded engine under a vault, each commit synced, behind TLS and with identities proven.
pub(crate) struct ServedCarrier {
    pub(crate) engine: Arc<FjallStore>,
    pub(crate) store: BenchStore,
    pub(crate) way: Way,
    carrier: Arc<Carrier<BenchStore>>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl ServedCarrier {
    /// With its files and its certificate below `folder`.
    pub(crate) async fn start(folder: &Path) -> Self {
        let rng = Arc::new(Machine);
        let keys = OperatorKey::from_bytes([7; 32], rng.clone());
        let engine = Arc::new(FjallStore::open(folder.join("store"), FjallOptions::default()).unwrap());
        let vault = Vault::open(engine.clone(), MemoryKeyring::new(), &keys, rng.clone(), rng).await.unwrap();
        let store = Arc::new(CountingStore::new(vault));
        let clock: Arc<dyn Clock> = Arc::new(Machine);
        let carrier = Arc::new(Carrier::open(store.clone(), clock.clone(), &Machine).await.unwrap());
        let tls = tls::server(&folder.join("tls"), NAME, clock.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listening = Listening::with_tls(listener, tls.config).showing(&tls.certificate);
        let identities = ProvenIdentity::new(clock, &Machine);
        let service = GrpcService::new(carrier.clone(), identities, GrpcSettings::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(service, listening, async move { drop(stopped.await) }));
        let way = Way { address, authority: folder.join("tls").join(tls::AUTHORITY) };
        Self { engine, store, way, carrier, stop, server }
    }

    pub(crate) async fn close(self) {
        self.stop.send(()).unwrap();
        self.server.await.unwrap();
        self.carrier.close().await;
        self.store.close().await.unwrap();
    }
}

/// The way to a carrier, for who trusts its authority.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    pub(crate) authority: PathBuf,
}

impl Way {
    /// How connections are made on it.
    pub(crate) fn connector(&self) -> Tls {
        let port = self.address.port();
        let tls = tls::client(&format!("{NAME}:{port}"), &self.authority, Arc::new(Machine)).unwrap();
        tls.at(self.address.to_string())
    }

    /// Another connection.
    pub(crate) fn transport(&self) -> GrpcTransport {
        Self::transport_over(&self.connector())
    }

    /// Another connection, of those that `connector` makes.
    pub(crate) fn transport_over(connector: &Tls) -> GrpcTransport {
        GrpcTransport::new(connector.clone(), Arc::new(Machine), Arc::new(Machine))
    }
}
