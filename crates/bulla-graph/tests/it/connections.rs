//! Over real sockets: how requests come and answers go.

use std::sync::Arc;

use bulla_graph::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::clock::WaitingClock;
use crate::fake_relay::{BlockingRelay, NUMBER};
use crate::harness::{Bench, TOKEN, api};
use crate::media;
use crate::sockets::{Server, head, request, text, within};

fn bench() -> Bench {
    Bench::with_clock(Arc::new(WaitingClock))
}

#[tokio::test]
async fn a_chunked_body_is_read_and_the_server_ends_when_it_is_told() {
    let bench = bench();
    let server = Server::start(&bench.api).await;
    let address = server.address;
    let mut client = server.connect().await;
    client.send(format!("{}transfer-encoding: chunked\r\n\r\n", head(TOKEN))).await;
    let body = text();
    for piece in body.as_bytes().chunks(20) {
        client.send(format!("{:x}\r\n", piece.len())).await;
        client.send(piece).await;
        client.send("\r\n").await;
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.answer().await.unwrap().status, 200);
    assert_eq!(bench.relay.take().len(), 1);

    within(server.end()).await.unwrap().unwrap();
    client.is_closed().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn requests_sent_one_behind_the_other_are_all_answered() {
    let bench = bench();
    let server = Server::start(&bench.api).await;
    let mut client = server.connect().await;
    client.send(request(&text()).repeat(40)).await;
    for _ in 0..40 {
        assert_eq!(client.answer().await.unwrap().status, 200);
    }
    assert_eq!(bench.relay.take().len(), 40);
}

#[tokio::test]
async fn a_client_that_has_shut_its_side_down_still_gets_its_answers() {
    let relay = Arc::new(BlockingRelay::default());
    let server = Server::start(&api(relay.clone(), Arc::new(WaitingClock))).await;
    for requests in [1, 3] {
        let mut client = server.connect().await;
        client.send(request(&text()).repeat(requests)).await;
        client.stream.shutdown().await.unwrap();
        for _ in 0..requests {
            relay.is_entered().await;
            relay.open(1);
            assert_eq!(client.answer().await.unwrap().status, 200);
        }
        client.is_closed().await;
    }
}

/// A file takes longer than its request: until it is taken, its connection is at work.
#[tokio::test]
async fn a_file_that_is_being_taken_is_not_cut_off_for_one_who_comes() {
    let bench = bench();
    let picture = [media::JPEG, &vec![7; 4_000_000][..]].concat();
    let id = media::id(
        &bench
            .call(media::upload(
                "?messaging_product=whatsapp",
                media::form(&[media::file("image/jpeg", &picture)]),
            ))
            .await,
    );
    let server = Server::start(&bench.api.clone().settings(Settings::default().connections(1))).await;
    let mut first = server.connect().await;
    first
        .send(format!("GET /{id}/content HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n\r\n"))
        .await;
    let mut begun = [0; 1024];
    let read = within(first.stream.read(&mut begun)).await.unwrap();
    let mut second = server.connect().await;
    second.send(request(&text())).await;
    // The server has every occasion to make room.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    let mut all = begun[..read].to_vec();
    within(async {
        let mut piece = vec![0; 65_536];
        while all.len() < picture.len() || !all.ends_with(&picture) {
            let read = first.stream.read(&mut piece).await.unwrap();
            assert!(read > 0, "cut off after {} bytes", all.len());
            all.extend_from_slice(&piece[..read]);
        }
    })
    .await;
    assert_eq!(second.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn what_is_under_way_at_the_end_is_answered_and_says_that_it_is_the_last() {
    let relay = Arc::new(BlockingRelay::default());
    let server = Server::start(&api(relay.clone(), Arc::new(WaitingClock))).await;
    let (mut idle, mut busy, mut begun) =
        (server.connect().await, server.connect().await, server.connect().await);
    busy.send(request(&text())).await;
    begun.send("POST / HTTP/1.1\r\n").await;
    relay.is_entered().await;
    let ended = server.end();
    idle.is_closed().await;
    begun.is_closed().await;
    assert!(!ended.is_finished());
    relay.open(1);
    let answer = busy.answer().await.unwrap();
    assert_eq!((answer.status, answer.closes()), (200, true));
    busy.is_closed().await;
    within(ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_http_1_1_request_has_one_host_and_an_older_one_need_not() {
    let bench = bench();
    let server = Server::start(&bench.api).await;
    let body = text();
    for (version, hosts, status) in [
        ("1.1", "", 400),
        ("1.1", "host: x\r\nhost: y\r\n", 400),
        ("1.1", "Host: \r\n", 200),
        ("1.0", "", 200),
    ] {
        let mut client = server.connect().await;
        let request = format!(
            "POST /{NUMBER}/messages HTTP/{version}\r\n{hosts}authorization: Bearer {TOKEN}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        client.send(request).await;
        let answer = client.answer().await.unwrap();
        assert_eq!(answer.status, status, "{version} {hosts}");
        assert_eq!(answer.code(), if status == 400 { 100 } else { 0 });
    }
    assert_eq!(bench.relay.take().len(), 2);
}

#[tokio::test]
async fn a_request_line_that_is_not_http_is_answered_400_without_a_body() {
    let bench = bench();
    let server = Server::start(&bench.api).await;
    for line in ["anything", "POST /messages", "POST /messages HTTP/9.9", "\0\u{1}\u{2}"] {
        let mut client = server.connect().await;
        client.send(format!("{line}\r\nhost: x\r\n\r\n")).await;
        let answer = client.answer().await.unwrap();
        assert_eq!((answer.status, answer.closes(), answer.has_body()), (400, true, false), "{line:?}");
        client.is_closed().await;
    }
    assert_eq!(bench.relay.take(), []);
}

#[tokio::test]
async fn a_client_that_asks_before_it_sends_its_body_is_told_to_go_on_only_when_it_is_wanted() {
    let bench = bench();
    let server = Server::start(&bench.api).await;
    let body = text();
    let asks =
        |token| format!("{}expect: 100-continue\r\ncontent-length: {}\r\n\r\n", head(token), body.len());
    let mut client = server.connect().await;
    client.send(asks(TOKEN)).await;
    assert_eq!(client.answer().await.unwrap().status, 100);
    client.send(&body).await;
    assert_eq!(client.answer().await.unwrap().status, 200);

    client.send(asks("expired")).await;
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status, answer.closes()), (401, true));
    client.is_closed().await;
}

#[tokio::test]
async fn a_relay_that_panics_ends_its_own_connection_only() {
    let relay = Arc::new(BlockingRelay::default());
    relay.break_down();
    let server = Server::start(&api(relay.clone(), Arc::new(WaitingClock))).await;
    let (mut broken, mut whole) = (server.connect().await, server.connect().await);
    broken.send(request(&text())).await;
    assert!(broken.answer().await.is_none());
    relay.open(1);
    whole.send(request(&text())).await;
    assert_eq!(whole.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_listener_that_listens_no_more_ends_the_server_with_an_error() {
    // A connection where a listener should be: it will never accept anything.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut other, _) = listener.accept().await.unwrap();
    other.write_all(b"x").await.unwrap();
    stream.set_nonblocking(true).unwrap();
    let dead = std::net::TcpListener::from(std::os::fd::OwnedFd::from(stream));
    let dead = TcpListener::from_std(dead).unwrap();
    let error = within(bench().api.serve(dead, std::future::pending())).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}
