use std::str;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::client::TlsStream;

use crate::served_carrier::Way;
use crate::tls_client::speak_tls;

/// A connection to NATS. Clones share it.
#[derive(Clone)]
pub(super) struct Connection {
    written: mpsc::UnboundedSender<Bytes>,
}

/// A message that came.
pub(super) struct Message {
    pub(super) subject: String,
    pub(super) reply: Option<String>,
    pub(super) body: Bytes,
}

/// How long a server may take until it listens.
const ATTEMPTS: usize = 100;
const BETWEEN: Duration = Duration::from_millis(100);
/// How much is written, or read, at once.
const CHUNK_BYTES: usize = 64 * 1024;
const OPTIONS: &[u8] = b"CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":true,\"protocol\":1,\
    \"lang\":\"rust\",\"version\":\"0\",\"headers\":false}\r\n";

impl Connection {
    /// Has every message handed to `take`, in their order.
    pub(super) async fn connect(way: &Way, take: impl FnMut(&Self, Message) + Send + 'static) -> Self {
        let mut stream = reach(way).await;
        stream.set_nodelay(true).unwrap();
        // It says who it is before it speaks TLS, and nothing after that until it is spoken to.
        while stream.read_u8().await.unwrap() != b'\n' {}
        let (read, write) = tokio::io::split(speak_tls(stream, &way.authority, &[]).await);
        let (written, queue) = mpsc::unbounded_channel();
        let connection = Self { written };
        connection.write(Bytes::from_static(OPTIONS));
        tokio::spawn(keep_writing(write, queue));
        tokio::spawn(keep_reading(read, connection.clone(), take));
        connection
    }

    /// Has what comes to `subject` come on this connection.
    pub(super) fn subscribe(&self, subject: &str) {
        /// No two of a connection have the same number.
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        self.write(Bytes::from(format!("SUB {subject} {number}\r\n")));
    }

    /// Says `body` to `subject`, and where the answer is to go.
    pub(super) fn publish(&self, subject: &str, reply: &str, body: &[u8]) {
        let mut line = format!("PUB {subject} {reply} {}\r\n", body.len()).into_bytes();
        line.extend_from_slice(body);
        line.extend_from_slice(b"\r\n");
        self.write(Bytes::from(line));
    }

    fn write(&self, bytes: Bytes) {
        // Who reads finds out when the connection has ended.
        let _ = self.written.send(bytes);
    }
}

/// Asks the interface of JetStream for something, on a connection of its own.
pub(super) async fn ask(way: &Way, subject: &str, body: &str) {
    let (told, answer) = oneshot::channel();
    let mut told = Some(told);
    let connection = Connection::connect(way, move |_, message| {
        told.take().unwrap().send(message.body).unwrap();
    });
    let connection = connection.await;
    let inbox = format!("_INBOX.{subject}");
    connection.subscribe(&inbox);
    connection.publish(subject, &inbox, body.as_bytes());
    let answer = answer.await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert!(answer["error"].is_null(), "{subject} was answered with {answer}");
}

async fn reach(way: &Way) -> TcpStream {
    for _ in 0..ATTEMPTS {
        if let Ok(stream) = TcpStream::connect(way.address).await {
            return stream;
        }
        tokio::time::sleep(BETWEEN).await;
    }
    panic!("NATS does not listen");
}

/// Writes what waits, all of it at once.
async fn keep_writing(
    mut stream: WriteHalf<TlsStream<TcpStream>>,
    mut queue: mpsc::UnboundedReceiver<Bytes>,
) {
    let mut buffer = BytesMut::new();
    while let Some(first) = queue.recv().await {
        buffer.extend_from_slice(&first);
        while buffer.len() < CHUNK_BYTES
            && let Ok(next) = queue.try_recv()
        {
            buffer.extend_from_slice(&next);
        }
        if stream.write_all(&buffer).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        buffer.clear();
    }
}

async fn keep_reading(
    mut stream: ReadHalf<TlsStream<TcpStream>>,
    connection: Connection,
    mut take: impl FnMut(&Connection, Message),
) {
    let mut buffer = BytesMut::with_capacity(CHUNK_BYTES);
    while stream.read_buf(&mut buffer).await.is_ok_and(|count| count > 0) {
        while let Some(line) = next(&mut buffer) {
            match line {
                Line::Message(message) => take(&connection, message),
                Line::Ping => connection.write(Bytes::from_static(b"PONG\r\n")),
                Line::Other => {}
            }
        }
        buffer.reserve(CHUNK_BYTES);
    }
}

enum Line {
    Message(Message),
    Ping,
    Other,
}

/// The next whole line, with what belongs to it.
fn next(buffer: &mut BytesMut) -> Option<Line> {
    let end = buffer.windows(2).position(|two| two == b"\r\n")?;
    let words: Vec<&str> = str::from_utf8(&buffer[..end]).unwrap().split_whitespace().collect();
    let (subject, reply, length) = match words[..] {
        ["MSG", subject, _, length] => (subject.to_owned(), None, length),
        ["MSG", subject, _, reply, length] => (subject.to_owned(), Some(reply.to_owned()), length),
        ["-ERR", ..] => panic!("NATS says {}", words.join(" ")),
        ["PING"] => {
            buffer.advance(end + 2);
            return Some(Line::Ping);
        }
        _ => {
            buffer.advance(end + 2);
            return Some(Line::Other);
        }
    };
    let length: usize = length.parse().unwrap();
    if buffer.len() < end + 2 + length + 2 {
        return None;
    }
    buffer.advance(end + 2);
    let body = buffer.split_to(length).freeze();
    buffer.advance(2);
    Some(Line::Message(Message { subject, reply, body }))
}
