//! A proof of identity is bound to the TLS connection on which it is made.
//!
//! `between.der` names the carrier as well, under an authority of its own that these clients trust: so does a
//! certificate that somebody got by fraud.

use std::net::SocketAddr;
use std::sync::Arc;

use bulla_base::{ManualClock, Timestamp};
use bulla_carrier::grpc::{Listening, ProvenIdentity};
use bulla_transport::grpc::proto::IdentityProblem as Problem;
use bulla_transport::grpc::proto::carrier_client::CarrierClient;
use bulla_transport::grpc::{ChannelBinding, tls_client, tls_server};
use bulla_transport::{Caller, IdentityProblem, Transport, TransportError};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::identity::{Prover, connect, is};
use super::tls::{certificate, provider, served, served_with, transport};
use super::{Raw, Requests, Served, listener};
use crate::{World, alice, caller, shop};

const BETWEEN: &[u8] = include_bytes!("../../data/tls/between.der");

/// A client that trusts either authority, long after both certificates were made.
fn trusting() -> Arc<rustls::ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(include_bytes!("../../data/tls/authority.der"))).unwrap();
    roots.add(certificate(include_bytes!("../../data/tls/between_authority.der"))).unwrap();
    let in_2033 = Timestamp::from_millis(2_000_000_000_000);
    tls_client(provider(), roots, Arc::new(ManualClock::new(in_2033))).unwrap()
}

async fn tls_to(address: SocketAddr) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("carrier.example").unwrap();
    TlsConnector::from(trusting()).connect(name, stream).await.unwrap()
}

/// A connection over TLS, on which requests are made.
pub(super) async fn requests_to(address: SocketAddr) -> Requests {
    on(tls_to(address).await).await
}

async fn on(stream: TlsStream<TcpStream>) -> Requests {
    let (requests, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    Requests(requests)
}

/// Where somebody stands in between, and passes on what either side says.
async fn in_between(carrier: SocketAddr) -> SocketAddr {
    let key = PrivateKeyDer::try_from(&include_bytes!("../../data/tls/between.key.der")[..]).unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1)));
    let config = tls_server(provider(), vec![CertificateDer::from(BETWEEN)], key, clock).unwrap();
    let (listener, acceptor) = (listener().await, TlsAcceptor::from(config));
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let (mut client, mut carrier) =
                    (acceptor.accept(stream).await.unwrap(), tls_to(carrier).await);
                let _ = tokio::io::copy_bidirectional(&mut client, &mut carrier).await;
            });
        }
    });
    address
}

/// What a client has whose library shows the server's certificate, and the exporter if it is a good one.
async fn raw(address: SocketAddr) -> (Raw, ChannelBinding, ChannelBinding) {
    let stream = tls_to(address).await;
    let (_, connection) = stream.get_ref();
    let exporter = ChannelBinding::of_connection(connection).unwrap();
    let end_point = ChannelBinding::of_certificate(&connection.peer_certificates().unwrap()[0]);
    let origin = "https://carrier.example".parse().unwrap();
    (CarrierClient::with_origin(on(stream).await, origin), exporter, end_point)
}

fn prover(caller: &Caller, binding: &ChannelBinding) -> Prover {
    Prover { binding: binding.clone(), ..Prover::new(caller.clone()) }
}

#[tokio::test]
async fn a_proof_is_bound_to_the_connection_or_to_the_certificate_and_to_one_of_them() {
    let served = served().await;
    let (us, rng) = (caller(shop(), 1), &served.world.rng);
    for by_certificate in [false, true] {
        let (mut client, exporter, end_point) = raw(served.address).await;
        let binding = if by_certificate { end_point } else { exporter };
        let token = prover(&us, &binding).prove(&mut client, rng).await.unwrap();
        connect(&mut client, &token, &us).await.unwrap();
        // Whatever the proof was bound to, the credential is good on its own connection alone.
        let (mut other, ..) = raw(served.address).await;
        is(connect(&mut other, &token, &us).await, Problem::OtherConnection);
    }
    let (mut client, exporter, _) = raw(served.address).await;
    let (mut other, ..) = raw(served.address).await;
    is(prover(&us, &exporter).prove(&mut other, rng).await, Problem::Signature);
    is(prover(&us, &ChannelBinding::None).prove(&mut client, rng).await, Problem::Binding);
}

#[tokio::test]
async fn somebody_in_between_with_a_trusted_certificate_cannot_use_what_is_proved_to_them() {
    let served = served().await;
    let between = in_between(served.address).await;
    let (us, rng) = (caller(shop(), 1), &served.world.rng);

    let (mut client, exporter, end_point) = raw(between).await;
    is(prover(&us, &exporter).prove(&mut client, rng).await, Problem::Signature);
    is(prover(&us, &end_point).prove(&mut client, rng).await, Problem::Signature);

    // Our own client, which is let in where nobody is in between.
    for (address, passes) in [(between, false), (served.address, true)] {
        let client = transport(&served, "carrier.example", trusting(), address);
        let outcome = client.connect(&caller(alice(), 1)).await;
        let problem = IdentityProblem::Signature;
        let is_refused =
            |error| matches!(error, TransportError::Unauthenticated { problem: why } if why == problem);
        assert_eq!(outcome.is_ok(), passes);
        assert!(passes || outcome.is_err_and(is_refused));
    }
}

/// The operator has to say which certificates are shown; and what is allowed in plain is not over TLS.
#[tokio::test]
async fn a_certificate_that_the_host_has_not_named_binds_nothing() {
    let world = World::new().await;
    let identities = ProvenIdentity::new(world.clock.clone(), &world.rng).with_plain_connections();
    let served: Served = served_with(world, identities, Listening::with_tls).await;
    let (us, rng) = (caller(shop(), 1), &served.world.rng);
    let (mut client, exporter, end_point) = raw(served.address).await;
    for binding in [end_point, ChannelBinding::None] {
        is(prover(&us, &binding).prove(&mut client, rng).await, Problem::Binding);
    }
    prover(&us, &exporter).prove(&mut client, rng).await.unwrap();
}
