//! TLS as a host of the API has it, and a client that brings a file and fetches it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bulla_example_program::tls;
use bytes::Bytes;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::clock::Machine;
use crate::tls_client::{NAME, speak_tls};

/// How a server speaks TLS whose certificate is in `folder`, over HTTP/1.1.
pub(crate) fn server(folder: &Path) -> ServerConfig {
    let mut config = (*tls::server(folder, NAME, Arc::new(Machine)).unwrap().config).clone();
    config.alpn_protocols.clear();
    config
}

/// A connection that is kept from request to request.
pub(crate) struct Client(TlsStream<TcpStream>);

impl Client {
    pub(crate) async fn connect(address: SocketAddr, folder: &Path) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(speak_tls(stream, &folder.join(tls::AUTHORITY), &[b"http/1.1"]).await)
    }

    /// Sends a head and a body, and returns the answer's.
    pub(crate) async fn bring(&mut self, head: &str, body: &[u8]) -> Bytes {
        self.0.write_all(head.as_bytes()).await.unwrap();
        self.0.write_all(body).await.unwrap();
        self.0.flush().await.unwrap();
        let (first, length) = self.answer().await;
        let mut answer = first;
        while answer.len() < length {
            assert!(self.0.read_buf(&mut answer).await.unwrap() > 0, "the server hung up");
        }
        answer.into()
    }

    /// Sends a head, and says how many bytes are answered; they are read, and kept by nobody.
    pub(crate) async fn fetch(&mut self, head: &str) -> usize {
        self.0.write_all(head.as_bytes()).await.unwrap();
        let (first, length) = self.answer().await;
        let (mut count, mut read) = (first.len(), vec![0; 1 << 16]);
        while count < length {
            let more = self.0.read(&mut read).await.unwrap();
            assert!(more > 0, "the server hung up");
            count += more;
        }
        count
    }

    /// What there is of the answer's body behind its head, and how long it will be.
    async fn answer(&mut self) -> (Vec<u8>, usize) {
        let mut read = Vec::with_capacity(1 << 16);
        loop {
            assert!(self.0.read_buf(&mut read).await.unwrap() > 0, "the server hung up");
            let Some(end) = read.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
            assert!(head.starts_with("http/1.1 200"), "{}", String::from_utf8_lossy(&read));
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            return (read.split_off(end + 4), length.unwrap());
        }
    }
}
