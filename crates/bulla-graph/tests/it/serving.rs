//! Over real sockets.

use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::clock::WaitingClock;
use crate::fake::NUMBER;
use crate::harness::{Bench, TOKEN};

#[tokio::test]
async fn a_chunked_body_is_read_and_the_server_ends_when_it_is_told() {
    let bench = Bench::with_clock(Arc::new(WaitingClock));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let api = bench.api.clone();
    let server =
        tokio::spawn(async move { api.serve(listener, async { ended.await.unwrap_or_default() }).await });

    let body =
        json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" } }).to_string();
    let (first, second) = body.as_bytes().split_at(20);
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v16.0/{NUMBER}/messages HTTP/1.1\r\nhost: x\r\nAUTHORIZATION: bearer {TOKEN}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    for piece in [first, second] {
        connection.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.unwrap();
        connection.write_all(piece).await.unwrap();
        connection.write_all(b"\r\n").await.unwrap();
    }
    connection.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = [0; 2048];
    let read = connection.read(&mut answer).await.unwrap();
    let answer = std::str::from_utf8(&answer[..read]).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(bench.desk.take().len(), 1);

    end.send(()).unwrap();
    server.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
