//! An attacker's connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::frames::{END_STREAM, HEADERS, RST_STREAM};
use crate::parties::NAME;

/// A connection over TLS, of which is read and thrown away what the carrier says.
pub(crate) struct Link {
    write: WriteHalf<TlsStream<TcpStream>>,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    answers: AtomicUsize,
    is_closed: AtomicBool,
}

/// From where it comes: addresses of the loopback network are all one's own.
pub(crate) async fn tcp(carrier: SocketAddr, from: u8) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, from], 0)))?;
    socket.connect(carrier).await
}

impl Link {
    pub(crate) async fn open(carrier: SocketAddr, from: u8, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let stream = tcp(carrier, from).await?;
        let stream = TlsConnector::from(config.clone()).connect(ServerName::try_from(NAME).unwrap(), stream);
        let (read, write) = tokio::io::split(stream.await?);
        let seen = Arc::new(Seen::default());
        tokio::spawn(watch(read, Arc::clone(&seen)));
        Ok(Self { write, seen })
    }

    /// # Errors
    /// When the carrier has closed it.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.seen.is_closed.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        self.write.write_all(bytes).await?;
        self.write.flush().await?;
        // Who only writes would never see what comes.
        tokio::task::yield_now().await;
        Ok(())
    }

    /// How many calls the carrier has answered or taken back.
    pub(crate) fn answers(&self) -> usize {
        self.seen.answers.load(Ordering::Relaxed)
    }
}

async fn watch(mut read: ReadHalf<TlsStream<TcpStream>>, seen: Arc<Seen>) {
    let mut payload = [0; 16_384];
    loop {
        let mut head = [0; 9];
        if read.read_exact(&mut head).await.is_err() {
            break;
        }
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        if length > payload.len() || read.read_exact(&mut payload[..length]).await.is_err() {
            break;
        }
        if head[3] == RST_STREAM || head[3] == HEADERS && head[4] & END_STREAM != 0 {
            seen.answers.fetch_add(1, Ordering::Relaxed);
        }
    }
    seen.is_closed.store(true, Ordering::Relaxed);
}
