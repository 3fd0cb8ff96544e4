//! Over real sockets: a refusal that is given before the body was read.

use std::sync::Arc;

use bulla_graph::{MAX_BODY_BYTES, MAX_DRAINED_BYTES};
use tokio::io::AsyncWriteExt;

use crate::clock::{HastyClock, WaitingClock};
use crate::fake_relay::NUMBER;
use crate::harness::{Bench, TOKEN};
use crate::sockets::{Server, head, request, text};

/// A client with a pool of connections sent its next, good request into one that was closed: it had not been
/// told. Up to 20 of 20 were lost.
#[tokio::test]
async fn after_a_refusal_the_connection_goes_on_or_the_answer_says_that_it_does_not() {
    let bench = Bench::with_clock(Arc::new(WaitingClock));
    let server = Server::start(&bench.api).await;
    let path = |path: &str| head(TOKEN).replace("messages", path);
    for (head, status) in [
        (head("expired"), 401),
        (path("media"), 400),
        (path("messages").replace(&NUMBER.to_string(), "1"), 400),
    ] {
        for size in [1_000, 16_000, 100_000, MAX_DRAINED_BYTES, MAX_DRAINED_BYTES + 1, 1_000_000, 20_000_000]
        {
            for is_chunked in [false, true] {
                let mut client = server.connect().await;
                let body = "x".repeat(size);
                let sent = if is_chunked {
                    format!("{head}transfer-encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n")
                } else {
                    format!("{head}content-length: {size}\r\n\r\n{body}")
                };
                // As most clients do: all of it is written before anything is read.
                client.send(sent).await;
                let answer = client.answer().await.unwrap();
                assert_eq!((answer.status, answer.closes()), (status, size > MAX_DRAINED_BYTES), "{size}");
                if answer.closes() {
                    client.is_closed().await;
                } else {
                    client.send(request(&text())).await;
                    assert_eq!(client.answer().await.unwrap().status, 200, "{size}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_and_the_answer_arrives() {
    let bench = Bench::with_clock(Arc::new(WaitingClock));
    let server = Server::start(&bench.api).await;
    for size in [MAX_BODY_BYTES + 1, 1_000_000, 20_000_000] {
        for is_chunked in [false, true] {
            let mut client = server.connect().await;
            let body = " ".repeat(size);
            client
                .send(if is_chunked {
                    format!(
                        "{}transfer-encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n",
                        head(TOKEN)
                    )
                } else {
                    format!("{}content-length: {size}\r\n\r\n{body}", head(TOKEN))
                })
                .await;
            let answer = client.answer().await.unwrap();
            assert_eq!((answer.status, answer.code()), (413, 100), "{size}");
            if !answer.closes() {
                client.send(request(&text())).await;
                assert_eq!(client.answer().await.unwrap().status, 200, "{size}");
            }
        }
    }
}

#[tokio::test]
async fn a_rest_that_does_not_come_is_not_waited_for() {
    let bench = Bench::with_clock(Arc::new(HastyClock));
    let server = Server::start(&bench.api).await;
    for (token, status) in [("expired", 401), (TOKEN, 408)] {
        let mut client = server.connect().await;
        client.send(format!("{}content-length: 100\r\n\r\n{{", head(token))).await;
        let answer = client.answer().await.unwrap();
        assert_eq!((answer.status, answer.closes()), (status, true));
        client.is_closed().await;
        // Nobody lingers for ever either, whatever still comes.
        while client.stream.write_all(&[b' '; 1000]).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}
