//! A server with the Graph API, one that does nothing, and a client that does little.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use bulla_base::Number;
use bulla_graph::{GraphApi, RelayApi, TokenLookup, Tokens};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::clock::Machine;
use crate::system_under_test::{SHOP, System, text};

pub(crate) const TOKEN: &str = "a-token-of-the-shop";

/// What an answer of the API looks like.
const ANSWER: &str = concat!(
    r#"{"messaging_product":"whatsapp","contacts":[{"input":"16500000001","wa_id":"16500000001"}],"#,
    r#""messages":[{"id":"wamid.HBgLMTY1MDAwMDAwMDEVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA"}]}"#
);

pub(crate) struct Server {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn of(system: &System) -> Self {
        let tokens = Tokens::new(&Machine);
        tokens.grant(TOKEN, [SHOP]).unwrap();
        Self::serving(GraphApi::new(system.relay.clone(), tokens, Arc::new(Machine), Arc::new(Machine))).await
    }

    pub(crate) async fn serving<D: RelayApi, A: TokenLookup>(api: GraphApi<D, A>) -> Self {
        let (listener, address) = listen().await;
        let serving = tokio::spawn(async move { api.serve(listener, std::future::pending()).await.unwrap() });
        Self { address, serving }
    }

    /// One that takes the body and answers, no more.
    pub(crate) async fn empty() -> Self {
        let answer = |_: Bytes| async { ([("content-type", "application/json")], ANSWER) };
        let router = Router::new().route("/v26.0/{number}/messages", post(answer));
        let (listener, address) = listen().await;
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, serving }
    }

    pub(crate) async fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Connection { stream, read: Vec::with_capacity(4_096) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A connection that is kept from request to request.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// Has the text number `place` accepted, for `to`, however often it is told to come again.
    pub(crate) async fn post(&mut self, to: &Number, place: usize) {
        let (to, text) = (to.digits(), text(place));
        let body = format!(
            r#"{{"messaging_product":"whatsapp","to":"{to}","type":"text","text":{{"body":"{text}"}},"biz_opaque_callback_data":"{place}"}}"#
        );
        let request = format!(
            "POST /v26.0/{SHOP}/messages HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        loop {
            let answer = self.ask(&request).await;
            if answer.starts_with("HTTP/1.1 200") {
                return;
            }
            assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
            // As many as may be wait for this one user. Sooner than the answer says: it is measured how fast
            // they can be taken.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends a request, and returns the whole answer.
    pub(crate) async fn ask(&mut self, request: &str) -> Cow<'_, str> {
        self.stream.write_all(request.as_bytes()).await.unwrap();
        self.read.clear();
        while !self.has_answer() {
            let read = self.stream.read_buf(&mut self.read).await.unwrap();
            assert!(read > 0, "the server hung up");
        }
        String::from_utf8_lossy(&self.read)
    }

    /// Whether a whole answer is there.
    fn has_answer(&self) -> bool {
        let Some(head) = self.read.windows(4).position(|end| end == b"\r\n\r\n") else { return false };
        let text = String::from_utf8_lossy(&self.read[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        length.is_some_and(|length: usize| self.read.len() >= head + 4 + length)
    }
}
