//! Nothing is delivered to a web server that has not shown that it knows the verify token.

use std::sync::Arc;

use bulla_relay::{Business, Event, EventSink, Subject};
use bulla_webhook::{MAX_RESPONSE_BODY_BYTES, WebhookError};
use http::Method;

use crate::api_ids::OTHER_NUMBER;
use crate::clock::WaitingClock;
use crate::receiver::{Receiver, Seen, plain, well_behaved};
use crate::updates::{VERIFY_TOKEN, business, cause, hello, local, sink, webhook};

#[tokio::test]
async fn the_first_update_is_preceded_by_one_handshake() {
    let receiver = Receiver::start().await;
    let sink = sink(&receiver);
    sink.forward(&hello()).await.unwrap();
    sink.forward(&hello()).await.unwrap();
    let seen = receiver.take();
    let methods: Vec<&str> = seen.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["GET", "POST", "POST"]);
    let asked = &seen[0];
    assert_eq!(asked.target.split('&').next(), Some("/hook?key=1"));
    assert_eq!(asked.parameter("hub.mode").as_deref(), Some("subscribe"));
    assert_eq!(asked.parameter("hub.verify_token").as_deref(), Some(VERIFY_TOKEN));
    let challenge = asked.parameter("hub.challenge").unwrap();
    assert!(challenge.len() == 15 && challenge.bytes().all(|byte| byte.is_ascii_digit()), "{challenge}");
    assert!(!challenge.starts_with('0'));
}

#[tokio::test]
async fn whoever_does_not_answer_with_the_challenge_gets_nothing() {
    let challenge = |seen: &Seen| seen.parameter("hub.challenge").unwrap();
    let receiver = Receiver::start().await;
    let sink = sink(&receiver);
    let refuse = |make: fn(&Seen) -> axum::http::Response<axum::body::Body>| receiver.answer(make);
    for make in [
        (|_: &Seen| plain(200, "ok")) as fn(&Seen) -> _,
        |_| plain(200, ""),
        |seen| plain(200, seen.parameter("hub.challenge").unwrap() + "\n"),
        |seen| plain(200, seen.parameter("hub.challenge").unwrap() + &" ".repeat(MAX_RESPONSE_BODY_BYTES)),
        |seen| plain(403, seen.parameter("hub.challenge").unwrap()),
        |seen| plain(201, seen.parameter("hub.challenge").unwrap()),
    ] {
        refuse(make);
        let error = sink.forward(&hello()).await.unwrap_err();
        assert!(
            matches!(cause(&error), WebhookError::WrongChallenge | WebhookError::Status { .. }),
            "{error:?}"
        );
        assert!(sink.verify().await.is_err());
        let seen = receiver.take();
        assert_eq!(seen.len(), 2);
        assert!(seen.iter().all(|seen| seen.method == Method::GET), "something was delivered");
        assert_ne!(challenge(&seen[0]), challenge(&seen[1]), "a challenge came twice");
    }
    receiver.answer(well_behaved);
    sink.forward(&hello()).await.unwrap();
    assert_eq!(receiver.take().len(), 2);
}

#[tokio::test]
async fn a_verified_web_server_that_fails_a_later_check_is_cut_off() {
    let receiver = Receiver::start().await;
    let sink = sink(&receiver);
    sink.verify().await.unwrap();
    receiver.answer(|_| plain(200, "taken over"));
    assert!(matches!(sink.verify().await, Err(WebhookError::WrongChallenge)));
    receiver.take();
    assert!(sink.forward(&hello()).await.is_err());
    assert!(receiver.take().iter().all(|seen| seen.method == Method::GET));
}

#[tokio::test]
async fn numbers_that_share_a_webhook_share_the_handshake() {
    let receiver = Receiver::start().await;
    let other = Business::new(OTHER_NUMBER, business().account(), business().display_number().clone());
    let businesses = [business(), other];
    let sink = local(Arc::new(WaitingClock));
    sink.subscribe(businesses, webhook(&receiver)).unwrap();
    sink.verify().await.unwrap();
    assert_eq!(receiver.take().len(), 1);
    // And they share its outages.
    let Event::Message(about, incoming) = hello() else { unreachable!() };
    let about = Subject::new(OTHER_NUMBER, about.user, about.user_id, about.message, about.at);
    assert_eq!(sink.destination(&hello()), sink.destination(&Event::Message(about, incoming)));
}

/// A server that is down would else be asked once for every conversation, each waiting for the one before.
#[tokio::test]
async fn many_updates_at_once_make_one_handshake() {
    for good in [true, false] {
        let receiver = Receiver::start().await;
        if !good {
            receiver.answer(|_| plain(500, ""));
        }
        let sink = Arc::new(sink(&receiver));
        let events: Vec<_> = (0..20).map(|_| hello()).collect();
        let outcomes = futures_util::future::join_all(events.iter().map(|event| sink.forward(event))).await;
        assert!(outcomes.iter().all(|outcome| outcome.is_ok() == good));
        let seen = receiver.take();
        assert_eq!(seen.iter().filter(|seen| seen.method == Method::GET).count(), 1);
        assert_eq!(seen.iter().filter(|seen| seen.method == Method::POST).count(), if good { 20 } else { 0 });
    }
}
