//! What a request may cost while it is read, and while it waits.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use axum::body::Body;
use bulla_base::{ManualClock, Number, PhoneNumberId, SeededRng};
use bulla_graph::{GraphApi, MAX_BODY_BYTES, ManagementApi, MediaApi, RelayApi, TemplateApi};
use bulla_relay::{MarkReadError, MessageRef, Outgoing, SubmitError};
use bytes::Bytes;
use futures_util::stream;
use tokio::runtime::Builder;
use tower::ServiceExt;

use crate::fake_relay::{NUMBER, own_number};
use crate::harness::{Bench, api, messages, tokens};

/// What a request may hold at once, its own bytes included.
const ALLOWED: u64 = 1024 * 1024;

/// The longest body that is accepted, filled up with `piece`.
fn fat(piece: &str) -> String {
    let (head, tail) =
        (r#"{"messaging_product":"whatsapp","to":"16505551234","text":{"body":"x"},"junk":["#, "0]}");
    let pieces = (MAX_BODY_BYTES - head.len() - tail.len()) / piece.len();
    format!("{head}{}{tail}", piece.repeat(pieces))
}

fn most(status: u16, body: Body) -> u64 {
    let bench = Bench::new();
    let runtime = Builder::new_current_thread().build().unwrap();
    let request = messages().body(body).unwrap();
    let info = measure(|| {
        let reply = runtime.block_on(bench.call(request));
        assert_eq!(reply.status, status, "{}", reply.json);
    });
    info.bytes_max
}

#[test]
fn a_body_takes_less_than_a_mebibyte_whatever_stands_in_it() {
    for piece in [r#"{"":0},"#, "[],", "1,", r#"{"":{"":{"":{"":0}}}},"#, r#""\u00e9","#, "null,"] {
        let most = most(200, fat(piece).into());
        assert!(most < ALLOWED, "{piece}: {most} bytes");
    }
    // As deep as it can be, closed again and not.
    let (head, tail) =
        (r#"{"messaging_product":"whatsapp","to":"16505551234","text":{"body":"x"},"junk":"#, "}");
    let levels = (MAX_BODY_BYTES - head.len() - tail.len()) / 2;
    let closed = format!("{head}{}{}{tail}", "[".repeat(levels), "]".repeat(levels));
    for (status, body) in
        [(200, closed), (400, "[".repeat(MAX_BODY_BYTES)), (400, r#"{"":"#.repeat(levels / 3))]
    {
        let most = most(status, body.into());
        assert!(most < ALLOWED, "{most} bytes");
    }
    for field in ["to", "type", "biz_opaque_callback_data", "text", "messaging_product"] {
        let long = "\\u00e9".repeat((MAX_BODY_BYTES - 100) / 6);
        let most = most(400, format!(r#"{{"{field}":"{long}","to":"x"}}"#).into());
        assert!(most < ALLOWED, "{field}: {most} bytes");
    }
}

/// Lists whose items mean something are kept until the whole is checked: of a body that is short, too.
#[test]
fn contacts_take_less_than_four_mebibytes() {
    let entries = |entry: &str| [entry; 10].join(",");
    let name = r#""name":{"formatted_name":"A","first_name":"A"}"#;
    let of = |phone: &str, email: &str, address: &str, url: &str| {
        let [phones, emails, addresses, urls] = [phone, email, address, url].map(entries);
        format!(
            r#"{{{name},"phones":[{phones}],"emails":[{emails}],"addresses":[{addresses}],"urls":[{urls}]}}"#
        )
    };
    let filled = of(r#"{"phone":"1"}"#, r#"{"email":"1"}"#, "{}", r#"{"url":"1"}"#);
    for (status, contact) in [(400, of("{}", "{}", "{}", "{}")), (200, filled)] {
        let contacts = vec![contact; 257].join(",");
        let to = r#""messaging_product":"whatsapp","to":"16505551234","type":"contacts""#;
        let body = format!(r#"{{{to},"contacts":[{contacts}]}}"#);
        assert!(body.len() <= MAX_BODY_BYTES);
        let most = most(status, body.into());
        assert!(most < 4 * ALLOWED, "{most} bytes");
    }
}

#[test]
fn a_body_that_comes_byte_by_byte_takes_no_more() {
    let bytes = Bytes::from(fat("[],"));
    let pieces = (0..bytes.len()).map(move |at| Ok::<_, Infallible>(bytes.slice(at..=at)));
    let most = most(200, Body::from_stream(stream::iter(pieces)));
    assert!(most < ALLOWED, "{most} bytes");
}

/// A relay at which every message waits for ever.
struct Waiting;

impl MediaApi for Waiting {}

impl TemplateApi for Waiting {}

impl ManagementApi for Waiting {}

impl RelayApi for Waiting {
    fn number(&self, _: PhoneNumberId) -> Option<Number> {
        Some(own_number())
    }

    async fn submit(&self, _: PhoneNumberId, _: Outgoing) -> Result<MessageRef, SubmitError> {
        std::future::pending().await
    }

    async fn mark_read(&self, _: PhoneNumberId, _: MessageRef) -> Result<(), MarkReadError> {
        std::future::pending().await
    }
}

#[test]
fn of_a_message_that_waits_for_the_relay_nothing_is_held_but_itself() {
    const WAITING: u64 = 20;
    let api = api(Arc::new(Waiting), Arc::new(ManualClock::default()));
    let mut waiting: Vec<Pin<Box<dyn Future<Output = _>>>> = Vec::new();
    let info = measure(|| {
        for _ in 0..WAITING {
            let request = messages().body(Body::from(fat("[],"))).unwrap();
            let mut answer = Box::pin(api.router().oneshot(request));
            let mut context = Context::from_waker(Waker::noop());
            assert!(matches!(answer.as_mut().poll(&mut context), Poll::Pending));
            waiting.push(answer);
        }
    });
    let each = u64::try_from(info.bytes_current).unwrap() / WAITING;
    assert!(each < 16 * 1024, "{each} bytes are held for each");
}

#[test]
fn ten_thousand_tokens_make_no_request_dearer() {
    let (bench, runtime) = (Bench::new(), Builder::new_current_thread().build().unwrap());
    let tokens = tokens();
    let (clock, rng) = (Arc::new(ManualClock::default()), Arc::new(SeededRng::new(1)));
    let api = GraphApi::new(Arc::clone(&bench.relay), tokens.clone(), clock, rng);
    let router = api.router();
    let cost = || {
        let body = r#"{"messaging_product":"whatsapp","to":"16505551234","text":{"body":"x"}}"#;
        let request = messages().body(Body::from(body)).unwrap();
        let info = measure(|| {
            let response = runtime.block_on(router.clone().oneshot(request)).unwrap();
            assert_eq!(response.status(), 200);
        });
        // Not what the stand-in for the relay writes down.
        let _ = bench.relay.take();
        (info.count_total, info.bytes_total)
    };
    // What is made once.
    let _ = cost();
    let (calls, bytes) = cost();
    for number in 0..10_000 {
        tokens.grant(&format!("token {number}"), [NUMBER]).unwrap();
    }
    let beside_many = cost();
    assert!(beside_many.0 <= calls && beside_many.1 <= bytes + 64, "{beside_many:?}, {calls} and {bytes}");
}
