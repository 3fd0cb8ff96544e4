use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bulla::webhook::signature;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

pub const APP_SECRET: &str = "a-secret";
pub const VERIFY_TOKEN: &str = "a-word";

/// A program's web server, which takes what is signed with its secret.
pub struct WebServer {
    pub address: SocketAddr,
    updates: Receiver<Value>,
}

impl WebServer {
    pub fn start() -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// One that speaks TLS as `config` says.
    pub fn start_tls(config: Arc<ServerConfig>) -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").unwrap(), move |stream| {
            StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream)
        })
    }

    pub fn listen(listener: TcpListener) -> Self {
        Self::serve(listener, |stream| stream)
    }

    fn serve<S: Read + Write>(listener: TcpListener, open: impl Fn(TcpStream) -> S + Send + 'static) -> Self {
        let address = listener.local_addr().unwrap();
        let (told, updates) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = open(stream.unwrap());
                let (head, body) = read(&mut stream);
                let answer = if let Some((_, rest)) = head.split_once("hub.challenge=") {
                    assert!(head.contains(&format!("hub.verify_token={VERIFY_TOKEN}")), "{head}");
                    rest.split(['&', ' ']).next().unwrap().to_owned()
                } else {
                    let lower = head.to_ascii_lowercase();
                    let (_, signed) = lower.split_once("x-hub-signature-256: ").unwrap();
                    let signed = signed.lines().next().unwrap();
                    assert!(signature::verify(APP_SECRET.as_bytes(), &body, signed), "{head}");
                    told.send(serde_json::from_slice(&body).unwrap()).unwrap();
                    String::new()
                };
                let length = answer.len();
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{answer}");
                stream.write_all(answer.as_bytes()).unwrap();
                stream.flush().unwrap();
            }
        });
        Self { address, updates }
    }

    /// The next update, without what is around it.
    pub fn next(&self) -> Value {
        let update = self.updates.recv_timeout(Duration::from_secs(60)).unwrap();
        update["entry"][0]["changes"][0]["value"].clone()
    }
}

fn read(stream: &mut impl Read) -> (String, Vec<u8>) {
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut piece).unwrap();
        read.extend_from_slice(&piece[..count]);
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(read[..end].to_vec()).unwrap();
        let length = head.to_ascii_lowercase();
        let length = length
            .split_once("content-length: ")
            .map_or(0, |(_, rest)| rest.lines().next().unwrap().parse().unwrap());
        if read.len() >= end + 4 + length {
            return (head, read[end + 4..].to_vec());
        }
    }
}
