use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A web server that counts who connects. Its tasks end with the runtime.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    connected: Arc<AtomicUsize>,
}

impl Listener {
    /// One that answers whatever a connection sends first with `answer`, and closes; one without an answer
    /// reads and is silent.
    pub(crate) async fn start(at: SocketAddr, answer: Option<fn(&str) -> String>) -> io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let this = Self { address: listener.local_addr()?, connected: Arc::default() };
        let connected = Arc::clone(&this.connected);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connected.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(attend(stream, answer));
            }
        });
        Ok(this)
    }

    /// How many have connected.
    pub(crate) fn connected(&self) -> usize {
        self.connected.load(Ordering::SeqCst)
    }

    /// Silent ones on the same port of every address of this machine there is: whoever goes there is counted.
    pub(crate) async fn everywhere() -> Vec<Self> {
        let first = Self::start(SocketAddr::from(([0, 0, 0, 0], 0)), None).await.unwrap();
        let port = first.address.port();
        let v6: IpAddr = "::1".parse().unwrap();
        let second = Self::start(SocketAddr::new(v6, port), None).await;
        std::iter::once(first).chain(second).collect()
    }
}

async fn attend(mut stream: TcpStream, answer: Option<fn(&str) -> String>) {
    let mut head = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        let Ok(read @ 1..) = stream.read(&mut bytes).await else { return };
        head.extend_from_slice(&bytes[..read]);
        if let Some(answer) = answer
            && head.windows(4).any(|end| end == b"\r\n\r\n")
        {
            let answer = answer(&String::from_utf8_lossy(&head));
            let _ = stream.write_all(answer.as_bytes()).await;
            return;
        }
    }
}

/// Answers the handshake with its challenge and everything else with 200, and closes.
pub(crate) fn well_behaved(head: &str) -> String {
    let challenge = head.split("hub.challenge=").nth(1).and_then(|rest| rest.split('&').next());
    let body = challenge.unwrap_or_default();
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
