//! The same over TLS, with HTTP/1.1 and HTTP/2. What stands in `tests/data/tls` was made for tests and
//! certifies nothing else: two authorities, and `carrier.example` with a key from each.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use bulla_graph::{ANSWER_TIMEOUT, HEAD_TIMEOUT, IDLE_TIMEOUT, MAX_HEAD_BYTES, Settings, Tls};
use http_body_util::BodyExt;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::clock::{NotingClock, WaitingClock};
use crate::fake_relay::{BlockingRelay, NUMBER, media_name};
use crate::harness::{Bench, TOKEN, api};
use crate::sockets::{Server, request, text, within};

/// Who certifies the server.
#[derive(Clone, Copy)]
enum Authority {
    First,
    Second,
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls_graviola::default_provider())
}

impl Authority {
    fn server(self) -> ServerConfig {
        let (certificate, key) = match self {
            Self::First => (
                &include_bytes!("../data/tls/carrier.der")[..],
                &include_bytes!("../data/tls/carrier.key.der")[..],
            ),
            Self::Second => (
                &include_bytes!("../data/tls/between.der")[..],
                &include_bytes!("../data/tls/between.key.der")[..],
            ),
        };
        let key = PrivateKeyDer::try_from(key).unwrap();
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.unwrap().with_no_client_auth();
        builder.with_single_cert(vec![CertificateDer::from(certificate)], key).unwrap()
    }

    /// A connection to `server` by one who trusts this authority and speaks `protocol`.
    async fn connect(self, server: &Server, protocol: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let authority = match self {
            Self::First => &include_bytes!("../data/tls/authority.der")[..],
            Self::Second => &include_bytes!("../data/tls/between_authority.der")[..],
        };
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority)).unwrap();
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let mut config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(server.address).await.unwrap();
        let name = ServerName::try_from("carrier.example").unwrap();
        within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
    }
}

async fn http_1(server: &Server) -> http1::SendRequest<Body> {
    let stream = Authority::First.connect(server, "http/1.1").await.unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn http_2(server: &Server, window: u32) -> http2::SendRequest<Body> {
    let stream = Authority::First.connect(server, "h2").await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

const WINDOW: u32 = 65_536;

fn message(host: &str) -> Request<Body> {
    Request::post(format!("https://{host}/v23.0/{NUMBER}/messages"))
        .header("host", host)
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(text().into())
        .unwrap()
}

async fn read(response: hyper::Response<hyper::body::Incoming>) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

fn tls() -> Tls {
    Tls::new(Authority::First.server())
}

#[tokio::test]
async fn messages_are_taken_with_either_protocol_whatever_name_the_host_bears() {
    let bench = Bench::with_clock(Arc::new(WaitingClock));
    let server = Server::start_tls(&bench.api, &tls()).await;
    let (mut one, mut two) = (http_1(&server).await, http_2(&server, WINDOW).await);
    for host in ["carrier.example", "graph.facebook.com", "10.0.0.1:8443"] {
        for answer in [one.send_request(message(host)).await, two.send_request(message(host)).await] {
            let (status, json) = read(answer.unwrap()).await;
            assert_eq!(status, 200, "{json}");
            assert!(json["messages"][0]["id"].as_str().unwrap().starts_with("wamid."));
        }
    }
    assert_eq!(bench.relay.take().len(), 6);
    let refused = Request::get("https://x/v23.0/1/messages").body(Body::empty()).unwrap();
    let (status, json) = read(two.send_request(refused).await.unwrap()).await;
    assert_eq!((status.as_u16(), json["error"]["code"].as_u64()), (401, Some(190)));
    within(server.end()).await.unwrap().unwrap();
}

#[tokio::test]
async fn many_requests_of_one_connection_are_under_way_at_once() {
    let relay = Arc::new(BlockingRelay::default());
    let server = Server::start_tls(&api(relay.clone(), Arc::new(WaitingClock)), &tls()).await;
    let two = http_2(&server, WINDOW).await;
    let asking: Vec<_> = (0..20)
        .map(|_| {
            let mut two = two.clone();
            tokio::spawn(async move { read(two.send_request(message("x")).await.unwrap()).await.0 })
        })
        .collect();
    for _ in 0..20 {
        relay.is_entered().await;
    }
    // What is under way is answered, also if the server is told to end.
    let ended = server.end();
    relay.open(20);
    for asked in asking {
        assert_eq!(within(asked).await.unwrap(), 200);
    }
    drop(two);
    within(ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn certificates_are_renewed_while_connections_stay() {
    let bench = Bench::with_clock(Arc::new(WaitingClock));
    let tls = tls();
    let server = Server::start_tls(&bench.api, &tls).await;
    let (mut one, mut two) = (http_1(&server).await, http_2(&server, WINDOW).await);
    assert_eq!(read(one.send_request(message("x")).await.unwrap()).await.0, 200);
    assert_eq!(read(two.send_request(message("x")).await.unwrap()).await.0, 200);
    assert!(Authority::Second.connect(&server, "h2").await.is_err());

    tls.replace(Authority::Second.server());
    assert!(Authority::First.connect(&server, "h2").await.is_err(), "the new one is shown");
    let stream = Authority::Second.connect(&server, "h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(read(one.send_request(message("x")).await.unwrap()).await.0, 200);
    assert_eq!(read(two.send_request(message("x")).await.unwrap()).await.0, 200);
}

#[tokio::test]
async fn who_does_not_come_to_the_point_is_let_go_over_tls_too() {
    let clock = Arc::new(NotingClock::default());
    let bench = Bench::with_clock(clock.clone());
    let server = Server::start_tls(&bench.api, &tls()).await;
    // Not even a handshake.
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(within(silent.read(&mut [0; 16])).await.unwrap_or(0), 0);
    assert!(clock.take().contains(&HEAD_TIMEOUT));
    // A handshake, and nothing more.
    for protocol in ["http/1.1", "h2"] {
        let mut idle = Authority::First.connect(&server, protocol).await.unwrap();
        // A server of HTTP/2 says its settings first.
        within(async { while idle.read(&mut [0; 256]).await.unwrap_or(0) > 0 {} }).await;
    }
    // An answer, and nothing more.
    let mut two = http_2(&server, WINDOW).await;
    clock.take();
    assert_eq!(read(two.send_request(message("x")).await.unwrap()).await.0, 200);
    within(async {
        while two.ready().await.is_ok() {
            tokio::task::yield_now().await
        }
    })
    .await;
    let looks = clock.take().iter().filter(|span| **span == HEAD_TIMEOUT).count();
    assert!(looks as u64 >= IDLE_TIMEOUT.as_secs() / HEAD_TIMEOUT.as_secs(), "{looks}");
}

/// Over HTTP/2 a client may open no window for its answer, while its connection looks alive.
#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_let_go_over_http_2_too() {
    let clock = Arc::new(NotingClock::default());
    let bench = Bench::with_clock(clock.clone());
    let server = Server::start_tls(&bench.api, &tls()).await;
    let mut two = http_2(&server, 0).await;
    let answer = within(two.send_request(message("x"))).await.unwrap();
    assert_eq!(answer.status(), 200, "its head needs no window");
    assert!(within(answer.into_body().collect()).await.is_err());
    let looks = clock.take().iter().filter(|span| **span == HEAD_TIMEOUT).count();
    assert!(looks as u64 > ANSWER_TIMEOUT.as_secs() / HEAD_TIMEOUT.as_secs(), "{looks}");
}

#[tokio::test]
async fn who_has_waited_longest_makes_room_over_tls_too() {
    let bench = Bench::with_clock(Arc::new(WaitingClock));
    let settings = Settings::default().connections(1);
    let server = Server::start_tls(&bench.api.clone().settings(settings), &tls()).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut two = http_2(&server, WINDOW).await;
    assert_eq!(within(silent.read(&mut [0; 16])).await.unwrap_or(0), 0, "it has not begun TLS");
    assert_eq!(read(two.send_request(message("x")).await.unwrap()).await.0, 200);
    let mut one = http_1(&server).await;
    assert_eq!(read(one.send_request(message("x")).await.unwrap()).await.0, 200);
    within(async {
        while two.ready().await.is_ok() {
            tokio::task::yield_now().await
        }
    })
    .await;
}

#[tokio::test]
async fn heads_have_the_same_bound_with_either_protocol() {
    let bench = Bench::with_clock(Arc::new(WaitingClock));
    let server = Server::start_tls(&bench.api, &tls()).await;
    let mut filled = message("x");
    filled.headers_mut().insert("x-fill", "y".repeat(MAX_HEAD_BYTES).parse().unwrap());
    let mut two = http_2(&server, WINDOW).await;
    match two.send_request(filled).await {
        Ok(answer) => assert_eq!(answer.status(), 431),
        Err(error) => assert!(!error.is_user(), "{error:?}"),
    }
    let mut stream = Authority::First.connect(&server, "http/1.1").await.unwrap();
    stream.write_all(request(&text()).as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = within(stream.read(&mut answer)).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200 "));
    stream
        .write_all(format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(MAX_HEAD_BYTES)).as_bytes())
        .await
        .unwrap();
    let read = within(stream.read(&mut answer)).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 431 "));
    assert_eq!(bench.relay.take().len(), 1);
}

#[tokio::test]
async fn who_does_not_speak_tls_gets_nothing() {
    let bench = Bench::with_clock(Arc::new(WaitingClock));
    let server = Server::start_tls(&bench.api, &tls()).await;
    let mut plain = server.connect().await;
    plain.send(request(&text())).await;
    let mut answer = Vec::new();
    let _ = within(plain.stream.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP"), "an alert of TLS at most");
    assert_eq!(bench.relay.take(), []);
    assert_eq!(format!("{:?}", tls()), "Tls");
}

/// The parts of a batch did not know how the client had come: over HTTP/2 they had no host, and over TLS
/// their addresses were of plain HTTP.
#[tokio::test]
async fn addresses_in_a_batch_are_as_the_client_has_reached_the_host() {
    let bench = Bench::with_clock(Arc::new(WaitingClock));
    bench.relay.keep_media(NUMBER, b"a picture").await;
    let server = Server::start_tls(&bench.api, &tls()).await;
    let mut client = http_2(&server, WINDOW).await;
    let part = serde_json::json!({ "method": "GET", "relative_url": media_name(0) });
    let batch = serde_json::json!({ "batch": [part] }).to_string();
    let request =
        Request::post("https://carrier.example/").header("authorization", format!("Bearer {TOKEN}"));
    let response = within(client.send_request(request.body(batch.into()).unwrap())).await.unwrap();
    let (status, json) = read(response).await;
    assert_eq!((status.as_u16(), &json[0]["code"]), (200, &Value::from(200)), "{json}");
    let told: Value = serde_json::from_str(json[0]["body"].as_str().unwrap()).unwrap();
    let url = told["url"].as_str().unwrap();
    assert!(url.starts_with("https://carrier.example/"), "{url}");
}
