//! Webhooks and files over TLS. What stands in `tests/data/tls` was made for these tests and certifies
//! nothing else: an authority, `shop.example` and `127.0.0.1` with a key from it, and another authority.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::serve::Listener;
use bulla_base::{Clock, SeededRng, Sleep, Timestamp};
use bulla_relay::{EventSink, SinkErrorKind};
use bulla_webhook::{
    AllowedNetworks, CallbackError, CallbackVerifier, Connector, Fetcher, Resolver, Resolving, TlsDialer,
    UntrustedCertificate, Webhook, WebhookError, WebhookSink,
};
use futures_util::StreamExt;
use http::Method;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::clock::{HastyClock, WaitingClock};
use crate::receiver::{Receiver, plain};
use crate::updates::{APP_SECRET, VERIFY_TOKEN, business, cause, hello};

const AUTHORITY: &[u8] = include_bytes!("../data/tls/authority.der");
const OTHER_AUTHORITY: &[u8] = include_bytes!("../data/tls/other_authority.der");
const BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls_graviola::default_provider())
}

/// A web server that speaks TLS, and counts who connects and who goes on.
struct Secure {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    connected: Arc<AtomicUsize>,
}

impl Secure {
    /// What it is sent, where it is, and how many connections it has had.
    async fn start(versions: &[&'static SupportedProtocolVersion]) -> (Receiver, u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let certificate = CertificateDer::from(&include_bytes!("../data/tls/shop.der")[..]);
        let key = PrivateKeyDer::try_from(&include_bytes!("../data/tls/shop.key.der")[..]).unwrap();
        let builder =
            ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions).unwrap();
        let mut config = builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let (acceptor, connected) = (TlsAcceptor::from(Arc::new(config)), Arc::default());
        let secure = Self { listener, acceptor, connected: Arc::clone(&connected) };
        (Receiver::on(secure, format!("127.0.0.1:{port}")), port, connected)
    }
}

impl Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, from) = self.listener.accept().await.unwrap();
            self.connected.fetch_add(1, Ordering::SeqCst);
            // Who does not trust it goes away.
            let Ok(stream) = self.acceptor.accept(stream).await else { continue };
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
            return (stream, from);
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// Every name leads to this machine.
#[derive(Debug)]
struct Here;

impl Resolver for Here {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]) })
    }
}

/// A clock that stands.
#[derive(Debug)]
struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn sleep(&self, span: Duration) -> Sleep<'_> {
        WaitingClock.sleep(span)
    }
}

fn dialer(authority: &'static [u8], clock: impl Clock) -> TlsDialer {
    let mut trusted = RootCertStore::empty();
    trusted.add(CertificateDer::from(authority)).unwrap();
    TlsDialer::new(provider(), trusted, Arc::new(clock)).unwrap()
}

fn connector(dialer: TlsDialer) -> Connector {
    Connector::new().allow(AllowedNetworks::loopback()).resolve_by(Here).https_by(dialer)
}

fn webhook(host: &str, port: u16) -> Webhook {
    Webhook::new(&format!("https://{host}:{port}/hook?key=1"), VERIFY_TOKEN, APP_SECRET).unwrap()
}

fn sink(connector: Connector, webhook: Webhook) -> WebhookSink {
    let sink = WebhookSink::new(connector, Arc::new(WaitingClock), Arc::new(SeededRng::new(1)));
    sink.subscribe([business()], webhook).unwrap();
    sink
}

fn trusting() -> TlsDialer {
    dialer(AUTHORITY, WaitingClock)
}

#[tokio::test]
async fn updates_go_over_either_version_on_a_connection_that_stays() {
    for versions in [&BOTH[..], &BOTH[..1], &BOTH[1..]] {
        for host in ["shop.example", "Shop.Example.", "127.0.0.1"] {
            let (receiver, port, connected) = Secure::start(versions).await;
            let sink = sink(connector(trusting()), webhook(host, port));
            for _ in 0..3 {
                sink.forward(&hello()).await.unwrap();
            }
            let seen = receiver.take();
            let methods: Vec<_> = seen.iter().map(|seen| seen.method.as_str()).collect();
            assert_eq!(methods, ["GET", "POST", "POST", "POST"]);
            assert_eq!(seen[1].headers["host"], format!("{}:{port}", host.to_ascii_lowercase()));
            assert_eq!(connected.load(Ordering::SeqCst), 1, "a connection is used again");
        }
    }
}

#[tokio::test]
async fn to_whom_no_one_trusted_certifies_nothing_is_said_and_the_error_says_what_to_do() {
    let (receiver, port, connected) = Secure::start(&BOTH).await;
    let at = |year: u64| Standing(Timestamp::from_millis((year - 1970) * 31_556_952_000));
    for (dialer, host, why) in [
        (dialer(OTHER_AUTHORITY, WaitingClock), "shop.example", UntrustedCertificate::UnknownIssuer),
        (dialer(AUTHORITY, at(2101)), "shop.example", UntrustedCertificate::Expired),
        (dialer(AUTHORITY, at(2025)), "shop.example", UntrustedCertificate::NotValidYet),
        (trusting(), "bank.example", UntrustedCertificate::OtherHost),
    ] {
        let sink = sink(connector(dialer), webhook(host, port));
        let error = sink.forward(&hello()).await.unwrap_err();
        let WebhookError::UntrustedCertificate(told) = cause(&error) else { panic!("{error:?}") };
        assert_eq!(*told, why);
        // It comes again, as from a server that is not there.
        assert_eq!((error.kind(), error.retry_after()), (SinkErrorKind::Unreachable, None));
        let words = format!("{} {:?}", std::error::Error::source(cause(&error)).unwrap(), cause(&error));
        assert!(!words.contains(host) && !words.contains("shop"), "{words}");
    }
    assert_eq!((receiver.take().len(), connected.load(Ordering::SeqCst)), (0, 4));
}

#[tokio::test]
async fn without_a_dialer_https_is_refused_when_it_is_set_and_called_by_nobody() {
    let (receiver, port, connected) = Secure::start(&BOTH).await;
    let plain_only = Connector::new().allow(AllowedNetworks::loopback()).resolve_by(Here);
    let sink = WebhookSink::new(plain_only.clone(), Arc::new(WaitingClock), Arc::new(SeededRng::new(1)));
    let refused = sink.subscribe([business()], webhook("shop.example", port)).unwrap_err();
    assert!(matches!(refused, WebhookError::NoTls), "{refused:?}");
    assert!(refused.to_string().contains("whom to trust"), "{refused}");
    let verifier = CallbackVerifier::new(plain_only, Arc::new(WaitingClock), Arc::new(SeededRng::new(1)));
    let refused = verifier.verify(&format!("https://shop.example:{port}/"), VERIFY_TOKEN).await.unwrap_err();
    assert!(matches!(refused, CallbackError::NotVerified(WebhookError::NoTls)), "{refused:?}");
    assert_eq!((receiver.take().len(), connected.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test]
async fn an_address_that_may_not_be_called_is_not_called_by_tls_either() {
    let (receiver, port, connected) = Secure::start(&BOTH).await;
    let abroad = Connector::new().resolve_by(Here).https_by(trusting());
    let sink = sink(abroad, webhook("shop.example", port));
    let error = sink.forward(&hello()).await.unwrap_err();
    assert!(matches!(cause(&error), WebhookError::ForbiddenAddress { .. }), "{error:?}");
    let refused = sink.subscribe([business()], webhook("127.0.0.1", port)).unwrap_err();
    assert!(matches!(refused, WebhookError::ForbiddenAddress { .. }), "{refused:?}");
    assert_eq!((receiver.take().len(), connected.load(Ordering::SeqCst)), (0, 0));
}

/// At the second address nobody was, and only that was told.
#[tokio::test]
async fn that_one_address_is_not_trusted_is_told_whatever_the_next_one_is() {
    #[derive(Debug)]
    struct Two;
    impl Resolver for Two {
        fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
            Box::pin(async {
                Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::new(127, 9, 9, 9))])
            })
        }
    }
    let (receiver, port, connected) = Secure::start(&BOTH).await;
    let connector = Connector::new().allow(AllowedNetworks::loopback()).resolve_by(Two);
    let sink = sink(connector.https_by(dialer(OTHER_AUTHORITY, WaitingClock)), webhook("shop.example", port));
    let error = sink.forward(&hello()).await.unwrap_err();
    assert!(matches!(cause(&error), WebhookError::UntrustedCertificate(_)), "{error:?}");
    assert_eq!((receiver.take().len(), connected.load(Ordering::SeqCst)), (0, 1));
}

/// The time that a connection may take is also that of the handshake.
#[tokio::test]
async fn who_accepts_and_says_nothing_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let rng = Arc::new(SeededRng::new(1));
    let sink = WebhookSink::new(connector(trusting()), Arc::new(HastyClock), rng);
    sink.subscribe([business()], webhook("shop.example", port)).unwrap();
    let error = sink.forward(&hello()).await.unwrap_err();
    assert!(matches!(cause(&error), WebhookError::Unreachable(_)), "{error:?}");
}

/// A server that speaks in the clear is not there.
#[tokio::test]
async fn who_does_not_speak_tls_is_not_reached() {
    let receiver = Receiver::start().await;
    let port = receiver.address.rsplit_once(':').unwrap().1.parse().unwrap();
    let sink = sink(connector(trusting()), webhook("shop.example", port));
    let error = sink.forward(&hello()).await.unwrap_err();
    assert!(matches!(cause(&error), WebhookError::Unreachable(_)), "{error:?}");
    assert_eq!(receiver.take().len(), 0, "what it is sent is no request in the clear");
}

#[tokio::test]
async fn callbacks_shake_hands_and_files_come_over_tls() {
    let (receiver, port, _) = Secure::start(&BOTH).await;
    let rng = Arc::new(SeededRng::new(1));
    let verifier = CallbackVerifier::new(connector(trusting()), Arc::new(WaitingClock), rng);
    verifier.verify(&format!("https://shop.example:{port}/hook"), VERIFY_TOKEN).await.unwrap();
    assert_eq!(receiver.take()[0].method, Method::GET);

    receiver.answer(|_| plain(200, "a picture"));
    let fetcher = Fetcher::new(connector(trusting()), Arc::new(WaitingClock));
    let fetched = fetcher.fetch(&format!("https://shop.example:{port}/view.png")).await.unwrap();
    let bytes: Vec<u8> =
        fetched.into_bytes().flat_map(|piece| futures_util::stream::iter(piece.unwrap())).collect().await;
    assert_eq!(bytes, b"a picture");
}
