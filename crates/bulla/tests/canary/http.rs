//! As much of HTTP as a business needs, with a client that hangs up when it is told to.
//!
//! As long as a client holds an idle connection to the Graph API, the relay's end of it holds the buffer into
//! which the last request was read: hyper's, not ours, and freed when the connection ends. Who hosts the API
//! ends idle connections after a while, by a proxy or a server that does. Idle connections to webhooks hold
//! nothing, and stay open here.

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A request or an answer.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The next one to come; nothing when there is none any more.
    async fn read(stream: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut message = Self { head, body: bytes.split_off(end) };
        let length = message.header("content-length").map_or(0, |length| length.parse().unwrap());
        while message.body.len() < length {
            if stream.read_buf(&mut message.body).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Some(message))
    }
}

/// A web server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    open: watch::Sender<bool>,
}

impl Server {
    /// A server on a free port, which answers 200 and what `answer` makes of a request.
    pub(crate) async fn start(answer: impl Fn(Message) -> String + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, opening) = watch::channel(true);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (answer, mut opening) = (answer.clone(), opening.clone());
                tokio::spawn(async move {
                    while let Ok(Some(request)) = Message::read(&mut stream).await {
                        // The other end of it stands in the server, which is not dropped before its
                        // connections.
                        let _ = opening.wait_for(|open| *open).await;
                        let body = answer(request);
                        let answer =
                            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, open }
    }

    /// Lets requests wait for their answers, or answers them.
    pub(crate) fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }
}

/// A client.
pub(crate) struct Client {
    server: SocketAddr,
    idle: Mutex<Vec<TcpStream>>,
}

impl Client {
    pub(crate) fn new(server: SocketAddr) -> Self {
        Self { server, idle: Mutex::default() }
    }

    /// Posts `body` with these headers, and returns the answer, whatever it says.
    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Message {
        let idle = self.idle.lock().unwrap().pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.server).await.unwrap();
                stream.set_nodelay(true).unwrap();
                stream
            }
        };
        let mut request = format!("POST {path} HTTP/1.1\r\nhost: {}\r\n", self.server);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = Message::read(&mut stream).await.unwrap().expect("an answer");
        self.idle.lock().unwrap().push(stream);
        answer
    }

    /// Ends every connection that waits for a request.
    pub(crate) fn hang_up(&self) {
        self.idle.lock().unwrap().clear();
    }
}
