//! The same over TLS 1.3. What stands in `tests/data/tls` was made for these tests and certifies nothing
//! else: an authority, and `carrier.example` with its key.

use std::net::SocketAddr;
use std::sync::Arc;

use bulla_base::{Clock, SeededRng, Timestamp};
use bulla_carrier::grpc::{Listening, ProvenIdentity};
use bulla_transport::grpc::{GrpcTransport, InvalidTls, Tls, tls_client, tls_server};
use bulla_transport::{Transport, TransportError};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;

use super::conversation::both_ways;
use super::{Served, Steps, listener};
use crate::identities::signing;
use crate::{World, alice, caller};

pub(super) fn certificate(bytes: &'static [u8]) -> CertificateDer<'static> {
    CertificateDer::from(bytes)
}

pub(super) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls_graviola::default_provider())
}

/// A client that trusts the authority, at this time.
pub(super) fn client(clock: Arc<dyn Clock>) -> Arc<rustls::ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(include_bytes!("../../data/tls/authority.der"))).unwrap();
    tls_client(provider(), roots, clock).unwrap()
}

/// What the carrier shows, and what it speaks with.
pub(super) fn server() -> (CertificateDer<'static>, Arc<rustls::ServerConfig>) {
    let key = PrivateKeyDer::try_from(&include_bytes!("../../data/tls/carrier.key.der")[..]).unwrap();
    let shown = certificate(include_bytes!("../../data/tls/carrier.der"));
    let config = tls_server(provider(), vec![shown.clone()], key, Steps::new()).unwrap();
    (shown, config)
}

pub(super) async fn served() -> Served {
    let world = World::new().await;
    let identities = ProvenIdentity::new(world.clock.clone(), &world.rng);
    let (carrier, _) = server();
    served_with(world, identities, |listener, config| Listening::with_tls(listener, config).showing(&carrier))
        .await
}

pub(super) async fn served_with(
    world: World,
    identities: ProvenIdentity,
    listening: impl FnOnce(TcpListener, Arc<rustls::ServerConfig>) -> Listening,
) -> Served {
    let (_, config) = server();
    let listener = listener().await;
    let address = listener.local_addr().unwrap();
    Served::on(world, identities, listening(listener, config), address).await
}

pub(super) fn transport(
    served: &Served,
    name: &str,
    config: Arc<rustls::ClientConfig>,
    address: SocketAddr,
) -> GrpcTransport {
    let tls = Tls::new(name, 443, config).unwrap().at(address.to_string());
    signing(GrpcTransport::new(tls, served.clock.clone(), Arc::new(SeededRng::new(3))))
}

#[tokio::test]
async fn two_parties_do_all_they_do_over_tls() {
    let served = served().await;
    let config = client(served.clock.clone());
    let [relay, device] =
        [(); 2].map(|()| transport(&served, "carrier.example", config.clone(), served.address));
    both_ways(&served.world, &relay, &device).await;
}

#[tokio::test]
async fn a_carrier_with_another_name_or_another_authority_or_out_of_its_time_is_none() {
    let served = served().await;
    let good = client(served.clock.clone());
    let nobody = tls_client(provider(), RootCertStore::empty(), served.clock.clone()).unwrap();
    let long_ago = client(Arc::new(bulla_base::ManualClock::new(Timestamp::from_millis(1))));
    for (name, config, why) in [
        ("other.example", good, "NotValidForName"),
        ("carrier.example", nobody, "UnknownIssuer"),
        ("carrier.example", long_ago, "NotValidYet"),
    ] {
        let refused = transport(&served, name, config, served.address).connect(&caller(alice(), 1)).await;
        let Err(TransportError::Unavailable { source: Some(source) }) = refused else {
            panic!("{refused:?}")
        };
        let told = format!("{source:?}");
        assert!(told.contains(why), "{told}");
    }
}

/// Nobody falls back to it.
#[tokio::test]
async fn in_plain_nothing_is_served_where_tls_is_spoken() {
    let served = served().await;
    let in_plain = served.transport();
    assert!(matches!(in_plain.connect(&caller(alice(), 1)).await, Err(TransportError::Unavailable { .. })));
}

#[test]
fn what_is_no_host_is_refused() {
    let config = client(Steps::new());
    for name in ["", "a b", "x/y"] {
        assert!(matches!(Tls::new(name, 443, config.clone()), Err(InvalidTls::Host)), "{name}");
    }
}
