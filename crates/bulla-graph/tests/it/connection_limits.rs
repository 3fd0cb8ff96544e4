//! Over real sockets: how many there may be, and how long they may take.

use std::sync::Arc;
use std::time::Duration;

use bulla_graph::{
    ANSWER_TIMEOUT, HEAD_TIMEOUT, IDLE_TIMEOUT, MAX_BODY_BYTES, MAX_HEAD_BYTES, ROOM_TIMEOUT, Settings,
};
use tokio::io::AsyncWriteExt;

use crate::clock::{HastyClock, NotingClock, WaitingClock};
use crate::fake_relay::BlockingRelay;
use crate::harness::{Bench, TOKEN, api};
use crate::sockets::{Answer, Server, head, request, text, within};

#[tokio::test]
async fn the_largest_head_is_read_and_one_byte_more_is_not() {
    let bench = Bench::with_clock(Arc::new(WaitingClock));
    let server = Server::start(&bench.api).await;
    let body = text();
    let filled = |bytes: usize| {
        let head = format!("{}content-length: {}\r\nx-fill: ", head(TOKEN), body.len());
        let fill = "y".repeat(bytes - head.len() - 4);
        format!("{head}{fill}\r\n\r\n")
    };
    let mut client = server.connect().await;
    client.send(filled(MAX_HEAD_BYTES) + &body).await;
    assert_eq!(client.answer().await.unwrap().status, 200);
    client.send(filled(MAX_HEAD_BYTES + 1) + &body).await;
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status, answer.closes(), answer.has_body()), (431, true, false));
    client.is_closed().await;

    // One that never ends is not read on, and the answer arrives all the same.
    let mut client = server.connect().await;
    client.send(head(TOKEN) + "x-fill: " + &"y".repeat(400 * 1024)).await;
    assert_eq!(client.answer().await.unwrap().status, 431);
    client.is_closed().await;
}

#[tokio::test]
async fn whoever_does_not_come_to_the_point_is_let_go() {
    let clock = Arc::new(NotingClock::default());
    let bench = Bench::with_clock(clock.clone());
    let server = Server::start(&bench.api).await;
    let half = head(TOKEN);
    for (first, then, patience) in [
        (None, "", vec![HEAD_TIMEOUT]),
        (None, half.as_str(), vec![HEAD_TIMEOUT]),
        (Some(request(&text())), "", vec![IDLE_TIMEOUT]),
        (Some(request(&text())), half.as_str(), vec![IDLE_TIMEOUT, HEAD_TIMEOUT]),
    ] {
        clock.take();
        let mut client = server.connect().await;
        if let Some(first) = first {
            client.send(first).await;
            assert_eq!(client.answer().await.unwrap().status, 200);
        }
        client.send(then).await;
        client.is_closed().await;
        let heads = [HEAD_TIMEOUT, IDLE_TIMEOUT];
        let asked: Vec<Duration> = clock.take().into_iter().filter(|span| heads.contains(span)).collect();
        assert!(asked.ends_with(&patience), "{then}: {asked:?}");
    }
}

#[tokio::test]
async fn whoever_does_not_take_its_answers_is_let_go() {
    let clock = Arc::new(NotingClock::default());
    let bench = Bench::with_clock(clock.clone());
    let server = Server::start(&bench.api).await;
    let mut client = server.connect().await;
    let requests = request(&text()).repeat(100);
    within(async { while client.stream.write_all(requests.as_bytes()).await.is_ok() {} }).await;
    assert!(clock.take().contains(&ANSWER_TIMEOUT));
}

#[tokio::test]
async fn who_has_waited_longest_makes_room_for_who_comes() {
    let settings = Settings::default().connections(2);
    let bench = Bench::with_clock(Arc::new(WaitingClock));
    let server = Server::start(&bench.api.clone().settings(settings)).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = server.connect().await;
        client.send(request(&text())).await;
        assert_eq!(client.answer().await.unwrap().status, 200);
        clients.push(client);
    }
    let mut silent = server.connect().await;
    clients[0].is_closed().await;
    // The second may stay, and now it is the silent one that has waited longer.
    clients[1].send(request(&text())).await;
    assert_eq!(clients[1].answer().await.unwrap().status, 200);
    let mut last = server.connect().await;
    last.send(request(&text())).await;
    assert_eq!(last.answer().await.unwrap().status, 200);
    silent.is_closed().await;
    clients[1].send(request(&text())).await;
    assert_eq!(clients[1].answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn silent_connections_by_the_hundred_keep_nobody_out() {
    let bench = Bench::with_clock(Arc::new(WaitingClock));
    let server = Server::start(&bench.api.clone().settings(Settings::default().connections(8))).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        for _ in 0..10 {
            let mut client = server.connect().await;
            client.send("POST / HTTP/1.1\r\nx: ").await;
            silent.push(client);
        }
        let mut honest = server.connect().await;
        honest.send(request(&text())).await;
        assert_eq!(honest.answer().await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn who_is_at_work_is_not_sent_away_and_who_comes_waits() {
    let relay = Arc::new(BlockingRelay::default());
    let api = api(relay.clone(), Arc::new(WaitingClock)).settings(Settings::default().connections(2));
    let server = Server::start(&api).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = server.connect().await;
        client.send(request(&text())).await;
        clients.push(client);
    }
    for _ in 0..2 {
        relay.is_entered().await;
    }
    assert!(!relay.is_entered_now());
    relay.open(3);
    for client in &mut clients {
        assert_eq!(client.answer().await.unwrap().status, 200);
    }
}

fn is_asked_to_try_again(answer: &Answer) {
    assert_eq!((answer.status, answer.code()), (503, 131_016));
    assert!(answer.headers["retry-after"].parse::<u64>().is_ok());
    assert_eq!(answer.json["error"]["is_transient"], true);
    let details = answer.json["error"]["error_data"]["details"].as_str().unwrap();
    assert!(details.contains("under way"), "{details}");
}

#[tokio::test]
async fn one_request_more_than_may_be_waits_for_room_and_is_then_asked_to_try_again() {
    let relay = Arc::new(BlockingRelay::default());
    let clock = Arc::new(NotingClock::default());
    let two = Settings::default().requests(2);
    let server = Server::start(&api(relay.clone(), clock.clone()).settings(two.clone())).await;
    let mut clients = [server.connect().await, server.connect().await, server.connect().await];
    for client in &mut clients[..2] {
        client.send(request(&text())).await;
        relay.is_entered().await;
    }
    clients[2].send(request(&text())).await;
    is_asked_to_try_again(&clients[2].answer().await.unwrap());
    assert!(clock.take().contains(&ROOM_TIMEOUT));
    relay.open(2);
    for client in &mut clients[..2] {
        assert_eq!(client.answer().await.unwrap().status, 200);
    }

    // Under a clock that lets it wait, it is served as soon as there is room.
    let relay = Arc::new(BlockingRelay::default());
    let server = Server::start(&api(relay.clone(), Arc::new(WaitingClock)).settings(two)).await;
    let mut clients = [server.connect().await, server.connect().await, server.connect().await];
    for client in &mut clients {
        client.send(request(&text())).await;
    }
    relay.is_entered().await;
    relay.is_entered().await;
    assert!(!relay.is_entered_now());
    relay.open(3);
    for client in &mut clients {
        assert_eq!(client.answer().await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn long_bodies_wait_for_each_other_and_nobody_else_does() {
    let bench = Bench::with_clock(Arc::new(HastyClock));
    // Of the bodies that were begun, one fills all the room there is.
    let slow = Bench::with_clock(Arc::new(WaitingClock));
    let settings = Settings::default().body_bytes(MAX_BODY_BYTES);
    let server = Server::start(&slow.api.clone().settings(settings.clone())).await;
    let mut first = server.connect().await;
    let begun = format!("{}content-length: {MAX_BODY_BYTES}\r\n\r\n{{", head(TOKEN));
    first.send(&begun).await;
    let mut small = server.connect().await;
    small.send(request(&text())).await;
    assert_eq!(small.answer().await.unwrap().status, 200);
    let mut second = server.connect().await;
    let long = text() + &" ".repeat(20_000);
    second.send(request(&long)).await;
    first.send(" ".repeat(MAX_BODY_BYTES - 1)).await;
    assert_eq!(first.answer().await.unwrap().status, 400);
    assert_eq!(second.answer().await.unwrap().status, 200);

    let server = Server::start(&bench.api.clone().settings(settings)).await;
    let mut first = server.connect().await;
    first.send(&begun).await;
    let mut second = server.connect().await;
    second.send(request(&long)).await;
    let answers = [first.answer().await.unwrap(), second.answer().await.unwrap()];
    // Both patiences are equally short here: the first was too slow, and the second found room then or none.
    assert_eq!(answers[0].status, 408);
    if answers[1].status != 200 {
        is_asked_to_try_again(&answers[1]);
    }
}
