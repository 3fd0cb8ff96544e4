//! The business: a client of the Graph API, and a web server that can behave badly.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla::SystemClock;
use bulla::base::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const TIMEOUT: Duration = Duration::from_secs(60);

/// How the web server answers what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// With 200.
    Accept,
    /// With this status and these headers.
    Status(u16, &'static str),
    /// Not at all: it hangs up.
    HangUp,
    /// With something that is not HTTP.
    Nonsense,
    /// It does not know the verify token.
    UnknownToken,
}

/// What the web server was told, and how it answers.
#[derive(Clone)]
pub(crate) struct TestBusiness {
    pub(crate) address: SocketAddr,
    behaviour: Arc<Mutex<Behaviour>>,
    told: Arc<Mutex<Vec<String>>>,
}

impl TestBusiness {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shop = Self { address, behaviour: Arc::new(Mutex::new(Behaviour::Accept)), told: Arc::default() };
        let server = shop.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = server.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        shop
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    /// Waits until it was told something in which all of `parts` stand, and took it.
    pub(crate) async fn is_told(&self, parts: &[&str]) {
        let mut waited = Duration::ZERO;
        while !self.told.lock().unwrap().iter().any(|told| parts.iter().all(|part| told.contains(part))) {
            SystemClock.sleep(Duration::from_millis(20)).await;
            waited += Duration::from_millis(20);
            assert!(waited < TIMEOUT, "the shop was never told of {parts:?}");
        }
    }

    /// The id under which it was told a text.
    pub(crate) fn id_of(&self, text: &str) -> String {
        let told = self.told.lock().unwrap();
        let told = told.iter().find(|told| told.contains(text)).unwrap();
        let told: serde_json::Value = serde_json::from_str(told).unwrap();
        told.pointer("/entry/0/changes/0/value/messages/0/id").unwrap().as_str().unwrap().to_owned()
    }

    /// Waits until it has turned something away, or so it seems.
    pub(crate) async fn turns_away(&self) {
        SystemClock.sleep(Duration::from_millis(300)).await;
    }

    async fn serve(&self, mut stream: TcpStream) {
        while let Some((head, body)) = read(&mut stream).await {
            let behaviour = *self.behaviour.lock().unwrap();
            let challenge = head
                .split_once("hub.challenge=")
                .map(|(_, rest)| rest.split(['&', ' ']).next().unwrap_or_default().to_owned());
            let answer = match (challenge, behaviour) {
                (Some(_), Behaviour::UnknownToken) => {
                    "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_owned()
                }
                (Some(challenge), _) => {
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{challenge}", challenge.len())
                }
                (None, Behaviour::Accept | Behaviour::UnknownToken) => {
                    self.told.lock().unwrap().push(body);
                    "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned()
                }
                // With what it was told in it: not even that may be said to others.
                (None, Behaviour::Status(status, headers)) => {
                    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
                }
                (None, Behaviour::HangUp) => return,
                (None, Behaviour::Nonsense) => format!("what is {body}?\r\n\r\n"),
            };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// The next request's head and body.
async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head
        .to_lowercase()
        .split_once("content-length:")
        .map_or(0, |(_, rest)| rest.lines().next().unwrap().trim().parse::<usize>().unwrap());
    let mut body = bytes.split_off(end);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, String::from_utf8_lossy(&body).into_owned()))
}

/// Sends a request as it stands, and returns the answer.
pub(crate) async fn ask(api: SocketAddr, request: &str, body: &[u8]) -> (String, String) {
    let mut stream = TcpStream::connect(api).await.unwrap();
    // A refusal may come, and the connection end, before all is sent.
    drop(stream.write_all(&[request.as_bytes(), body].concat()).await);
    read(&mut stream).await.unwrap_or_default()
}
