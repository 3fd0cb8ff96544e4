//! A server on the loopback, and clients that write bytes.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bulla_graph::{GraphApi, RelayApi, Tls};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fake_relay::NUMBER;
use crate::harness::TOKEN;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    end: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    pub(crate) async fn start<D: RelayApi>(api: &GraphApi<D>) -> Self {
        let (listener, address, (end, ended)) = Self::listen().await;
        let (api, end_of) = (api.clone(), async { ended.await.unwrap_or_default() });
        let task = tokio::spawn(async move { api.serve(listener, end_of).await });
        Self { address, end, task }
    }

    pub(crate) async fn start_tls<D: RelayApi>(api: &GraphApi<D>, tls: &Tls) -> Self {
        let (listener, address, (end, ended)) = Self::listen().await;
        let (api, end_of, tls) = (api.clone(), async { ended.await.unwrap_or_default() }, tls.clone());
        let task = tokio::spawn(async move { api.serve_tls(listener, tls, end_of).await });
        Self { address, end, task }
    }

    async fn listen() -> (TcpListener, SocketAddr, (oneshot::Sender<()>, oneshot::Receiver<()>)) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address, oneshot::channel())
    }

    pub(crate) async fn connect(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.unwrap(), read: Vec::new() }
    }

    /// Tells the server to end, and gives what is to be awaited for that.
    pub(crate) fn end(self) -> JoinHandle<io::Result<()>> {
        self.end.send(()).unwrap();
        self.task
    }
}

/// One connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn closes(&self) -> bool {
        self.headers.get("connection").is_some_and(|value| value == "close")
    }

    pub(crate) fn has_body(&self) -> bool {
        self.headers.get("content-length").is_some_and(|length| length != "0")
            || self.headers.contains_key("transfer-encoding")
    }

    pub(crate) fn code(&self) -> u64 {
        self.json["error"]["code"].as_u64().unwrap_or_default()
    }
}

impl Client {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next answer; nothing when the connection has ended instead.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        within(async {
            let end = loop {
                match self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                    Some(end) => break end,
                    None if !self.more().await => return None,
                    None => {}
                }
            };
            let head = String::from_utf8(self.read.drain(..end + 4).collect()).unwrap();
            let mut lines = head.lines();
            let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
            let headers = lines.filter_map(|line| line.split_once(": "));
            let headers: BTreeMap<_, _> =
                headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
            let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
            while self.read.len() < length {
                assert!(self.more().await, "the answer broke off: {head}");
            }
            let body: Vec<u8> = self.read.drain(..length).collect();
            let json = serde_json::from_slice(&body).unwrap_or_default();
            Some(Answer { status, headers, json })
        })
        .await
    }

    /// Waits until the server has closed the connection, without another answer.
    pub(crate) async fn is_closed(&mut self) {
        within(async { while self.more().await {} }).await;
        assert_eq!(self.read, b"", "something came first");
    }

    async fn more(&mut self) -> bool {
        let mut piece = [0; 4096];
        let read = self.stream.read(&mut piece).await.unwrap_or(0);
        self.read.extend_from_slice(&piece[..read]);
        read > 0
    }
}

/// Nothing here takes long: what does has gone wrong.
#[expect(clippy::disallowed_methods, reason = "a test that hangs should fail")]
pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("it takes too long")
}

/// A request to the messages of [`NUMBER`] with this body.
pub(crate) fn request(body: &str) -> String {
    format!("{}content-length: {}\r\n\r\n{body}", head(TOKEN), body.len())
}

/// Its head, but for the end and what tells of the body.
pub(crate) fn head(token: &str) -> String {
    format!("POST /v23.0/{NUMBER}/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n")
}

/// A good text.
pub(crate) fn text() -> String {
    json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" } }).to_string()
}
