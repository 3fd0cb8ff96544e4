//! Strangers who do what a carrier's service bounds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bulla::SystemClock;
use bulla::base::{Clock, Rng, Sleep, Timestamp};
use bulla::carrier::Carrier;
use bulla::carrier::grpc::{GrpcService, GrpcSettings, Listening, ProvenIdentity, serve};
use bulla::store::MemoryStore;
use bulla::transport::grpc::{GrpcTransport, PlainTcp};
use bulla::transport::{Caller, NumberProof, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::frames::{self, DATA, END_HEADERS, HEADERS, frame};

/// So many refused calls in a row are answered at once.
const REFUSED_AT_ONCE: usize = 4096;

/// A clock by which nobody waits long.
#[derive(Debug)]
struct HastyClock;

impl Clock for HastyClock {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn sleep(&self, span: Duration) -> Sleep<'_> {
        SystemClock.sleep(span / 50)
    }
}

/// They come to a carrier of their own: calls without a proof, one after the other; a message that does not
/// come; and bytes that are nothing.
pub(crate) async fn come(caller: &Caller, rng: Arc<dyn Rng>) {
    let clock: Arc<dyn Clock> = Arc::new(HastyClock);
    let carrier = Carrier::open(MemoryStore::new(), Arc::clone(&clock), &*rng).await.unwrap();
    let carrier = Arc::new(carrier);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let identities = ProvenIdentity::new(Arc::clone(&clock), &*rng).with_plain_connections();
    let service = GrpcService::new(Arc::clone(&carrier), identities, GrpcSettings::default());
    let serving = tokio::spawn(serve(service, Listening::in_plain(listener), std::future::pending()));

    let connector = PlainTcp::new(address.to_string()).unwrap();
    let stranger = GrpcTransport::new(connector, Arc::new(SystemClock), rng);
    for _ in 0..=REFUSED_AT_ONCE {
        stranger.register(caller, &NumberProof::none()).await.unwrap_err();
    }

    let headers = frame(HEADERS, END_HEADERS, 1, &frames::call_headers(frames::CONNECT));
    let begun = frame(DATA, 0, 1, &frames::message(2, &[]));
    ends(address, &[frames::opening(), headers, begun].concat()).await;
    ends(address, b"GET / HTTP/1.1\r\n\r\n").await;
    serving.abort();
    carrier.close().await;
}

/// Says `bytes`, and waits until the connection is closed for them.
async fn ends(address: SocketAddr, bytes: &[u8]) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    tokio::select! {
        // However it ends.
        _ = connection.read_to_end(&mut answer) => {}
        () = SystemClock.sleep(Duration::from_secs(5)) => {}
    }
}
