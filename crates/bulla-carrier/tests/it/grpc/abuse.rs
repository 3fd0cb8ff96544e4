//! What attackers do, in short: each attack comes to its end, holds what it may, and others are served.
//! Over TLS, with frames made by hand.

mod addresses;
mod floods;
#[path = "../../../../../benches/abuse/frames.rs"]
mod frames;
mod messages;
mod opening;

use std::net::SocketAddr;

use bulla_carrier::grpc::{GrpcSettings, Listening, NoAuthentication};
use bulla_transport::Transport;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tls::{client, server, transport};
use super::{Served, listener};
use crate::{World, alice, caller};

/// One that believes whoever calls, over TLS.
async fn served(settings: GrpcSettings) -> Served {
    let ((_, config), listener) = (server(), listener().await);
    let address = listener.local_addr().unwrap();
    let listening = Listening::with_tls(listener, config);
    Served::set(World::new().await, NoAuthentication, settings, listening, address).await
}

/// Somebody honest is served on a connection of their own.
async fn serves_others(served: &Served) {
    let config = client(served.clock.clone());
    let honest = transport(served, "carrier.example", config, served.address);
    honest.connect(&caller(alice(), 1)).await.unwrap();
}

/// A connection from this address of the loopback network.
async fn tcp(served: &Served, from: [u8; 4]) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(served.address).await
}

/// An attacker's connection over TLS.
struct Link {
    read: ReadHalf<TlsStream<TcpStream>>,
    write: WriteHalf<TlsStream<TcpStream>>,
}

impl Link {
    async fn open(served: &Served) -> Self {
        Self::from(served, [127, 0, 0, 1]).await.unwrap()
    }

    async fn from(served: &Served, from: [u8; 4]) -> std::io::Result<Self> {
        let connector = TlsConnector::from(client(served.clock.clone()));
        let name = ServerName::try_from("carrier.example").unwrap();
        let stream = connector.connect(name, tcp(served, from).await?).await?;
        let (read, write) = tokio::io::split(stream);
        Ok(Self { read, write })
    }

    async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.write.write_all(bytes).await?;
        self.write.flush().await
    }

    /// The next frame: its kind, its flags, its stream, what is in it. `None` when the connection is closed.
    async fn next(&mut self) -> Option<Frame> {
        next(&mut self.read).await
    }

    /// Sends `frames` again and again until the carrier closes the connection; the error of HTTP/2 it has
    /// closed it with.
    async fn flood(self, frames: Vec<u8>) -> Option<u32> {
        let Self { mut read, mut write } = self;
        let writing = tokio::spawn(async move { while write.write_all(&frames).await.is_ok() {} });
        let mut why = None;
        while let Some((kind, _, _, payload)) = next(&mut read).await {
            if kind == GOAWAY {
                why = payload[4..].first_chunk().map(|code| u32::from_be_bytes(*code));
            }
        }
        writing.await.unwrap();
        why
    }
}

type Frame = (u8, u8, u32, Vec<u8>);

async fn next(read: &mut ReadHalf<TlsStream<TcpStream>>) -> Option<Frame> {
    let mut head = [0; 9];
    read.read_exact(&mut head).await.ok()?;
    let [a, b, c, kind, flags, stream @ ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]).try_into().unwrap()];
    read.read_exact(&mut payload).await.ok()?;
    Some((kind, flags, u32::from_be_bytes(stream), payload))
}

const GOAWAY: u8 = 7;
