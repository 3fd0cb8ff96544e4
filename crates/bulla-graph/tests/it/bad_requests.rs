//! What is refused, and that nothing is asked of the relay then.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bulla_graph::{BODY_TIMEOUT, MAX_BODY_BYTES, MAX_TO_CHARS};
use bulla_relay::{MarkReadError, RelayError, Rule, SubmitError, SuspendedPart};
use bulla_store::StoreError;
use bulla_transport::{Incarnation, TransportError};
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use crate::fake_relay::{NUMBER, wamid};
use crate::harness::{Bench, messages};

/// A good text with some fields replaced.
fn text_with(changes: Value) -> String {
    let mut body = json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "16505551234", "type": "text",
        "text": { "body": "x", "preview_url": false },
    });
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    body.to_string()
}

#[tokio::test]
async fn a_missing_field_is_named_as_the_original_names_it() {
    let bench = Bench::new();
    for (changes, field, parameter) in [
        (json!({ "messaging_product": null }), "messaging_product", "messaging_product"),
        (json!({ "messaging_product": "" }), "messaging_product", "messaging_product"),
        (json!({ "to": null }), "to", "to"),
        (json!({ "to": "" }), "to", "to"),
        (json!({ "to": "", "recipient": "" }), "to", "to"),
        (json!({ "text": null }), "text", "text"),
        (json!({ "text": [] }), "text", "text"),
        (json!({ "text": {} }), "text.body", "text['body']"),
        (json!({ "text": { "body": "" } }), "text.body", "text['body']"),
        (json!({ "type": "reaction" }), "reaction", "reaction"),
        (
            json!({ "type": "reaction", "reaction": { "emoji": "👍" } }),
            "reaction.message_id",
            "reaction['message_id']",
        ),
        (
            json!({ "type": "reaction", "reaction": { "message_id": wamid(1) } }),
            "reaction.emoji",
            "reaction['emoji']",
        ),
        (json!({ "status": "read" }), "message_id", "message_id"),
    ] {
        let reply = bench.post(text_with(changes)).await;
        assert_eq!(reply.code(), 100);
        assert_eq!(reply.details(), format!("{field} is missing"));
        let message = format!("(#100) The parameter {parameter} is required.");
        assert_eq!(reply.json["error"]["message"], message);
        assert_eq!(bench.relay.take(), []);
    }
}

#[tokio::test]
async fn a_field_of_another_type_is_named_with_the_type_it_should_have() {
    let bench = Bench::new();
    for (changes, details) in [
        (json!({ "messaging_product": 1 }), "messaging_product must be a string"),
        (json!({ "recipient_type": {} }), "recipient_type must be a string"),
        (json!({ "to": -1 }), "to must be a string"),
        (json!({ "to": 1.5 }), "to must be a string"),
        (json!({ "to": { "a": { "b": [1, {}] } } }), "to must be a string"),
        (json!({ "type": ["text"] }), "type must be a string"),
        (json!({ "text": "hello" }), "text must be an object"),
        (json!({ "text": [1, 2] }), "text must be an object"),
        (json!({ "text": { "body": 1 } }), "text.body must be a string"),
        (json!({ "text": "{\"body\":" }), "text must be an object"),
        (json!({ "text": "{\"body\":1}" }), "text.body must be a string"),
        (json!({ "text": { "body": "x", "preview_url": "yes" } }), "text.preview_url must be true or false"),
        (json!({ "context": "wamid" }), "context must be an object"),
        (json!({ "context": { "message_id": 1 } }), "context.message_id must be a string"),
        (json!({ "biz_opaque_callback_data": {} }), "biz_opaque_callback_data must be a string"),
        (json!({ "status": true }), "status must be a string"),
    ] {
        assert_eq!(bench.refused(text_with(changes), 100).await, details);
    }
}

#[tokio::test]
async fn a_field_that_breaks_a_bound_is_named_with_the_bound() {
    let bench = Bench::new();
    let long = |count| "é".repeat(count);
    for (changes, details) in [
        (json!({ "messaging_product": "sms" }), "messaging_product: it must be one of WHATSAPP"),
        (json!({ "recipient_type": "group" }), "recipient_type: it must be one of INDIVIDUAL"),
        (json!({ "status": "delivered" }), "status: it must be one of READ"),
        (
            json!({ "text": { "body": long(4097) } }),
            "text.body: it has 4097 characters, more than the 4096 allowed",
        ),
        (
            json!({ "biz_opaque_callback_data": long(513) }),
            "biz_opaque_callback_data: it has 513 characters, more than the 512 allowed",
        ),
        (
            json!({ "type": "reaction", "reaction": { "message_id": wamid(1), "emoji": long(33) } }),
            "reaction.emoji: it has 66 bytes, more than the 64 allowed",
        ),
    ] {
        assert_eq!(bench.refused(text_with(changes), 100).await, details);
    }
}

#[tokio::test]
async fn a_recipient_that_is_no_number_is_refused() {
    let bench = Bench::new();
    for (to, details) in [
        ("()".to_owned(), "to: it has no digits"),
        ("1234567890123456".to_owned(), "to: it has more than 15 digits"),
        (" ".repeat(MAX_TO_CHARS + 1), "to: it has 65 characters, more than the 64 allowed"),
    ] {
        let details_given = bench.refused(text_with(json!({ "to": to })), 131_009).await;
        assert_eq!(details_given, details);
    }
}

#[tokio::test]
async fn a_business_does_not_write_to_itself() {
    let bench = Bench::new();
    for to in ["15550783881", "+1 (555) 078-3881"] {
        let reply = bench.post(text_with(json!({ "to": to }))).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, 131_021));
        assert_eq!(reply.json["error"]["message"], "(#131021) Recipient cannot be sender");
        assert_eq!(reply.details(), "to: it is the number of the business itself");
        assert_eq!(bench.relay.take(), []);
    }
    assert_eq!(bench.post(text_with(json!({ "to": "15550783882" }))).await.status, 200);
}

#[tokio::test]
async fn a_reaction_that_is_not_one_emoji_is_refused() {
    let bench = Bench::new();
    for emoji in ["x", "👍👍", "ok"] {
        let reaction = json!({ "message_id": wamid(1), "emoji": emoji });
        let body = text_with(json!({ "type": "reaction", "reaction": reaction }));
        let details = bench.refused(body, 131_009).await;
        assert!(details.starts_with("reaction.emoji: "), "{details}");
    }
}

#[tokio::test]
async fn a_name_of_no_message_is_refused() {
    let bench = Bench::new();
    for name in ["wamid.X", "wamid.HQUbMTY1MDU1NTEyMzQVAgARGDAwMDAwMDAwMDAwMDAwMDAwMQA=", &"w".repeat(200)] {
        for (changes, field) in [
            (
                json!({ "type": "reaction", "reaction": { "message_id": name, "emoji": "x" } }),
                "reaction.message_id",
            ),
            (json!({ "status": "read", "message_id": name }), "message_id"),
        ] {
            let details = bench.refused(text_with(changes), 131_009).await;
            assert!(details.starts_with(&format!("{field}: it names no message")), "{details}");
        }
    }
}

#[tokio::test]
async fn an_id_of_no_user_is_refused() {
    let bench = Bench::new();
    for name in ["US.13491208655302741918", "ZZ.", &format!("ZZ.{}", "a".repeat(32))] {
        let changes = json!({ "to": null, "recipient": name });
        assert!(bench.refused(text_with(changes), 131_009).await.starts_with("recipient: it names no user"));
    }
}

#[tokio::test]
async fn a_type_that_nobody_serves_is_refused_with_those_that_are() {
    let bench = Bench::new();
    for kind in ["no_such_type", "<b>", "x y", &"t".repeat(41)] {
        let details = bench.refused(text_with(json!({ "type": kind })), 100).await;
        assert!(details.starts_with("type: it must be one of AUDIO, "), "{details}");
        assert!(!details.contains(kind), "what a client says is not repeated: {details}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_refused() {
    let bench = Bench::new();
    for body in ["[]", "null", "\"text\"", "1"] {
        assert_eq!(bench.refused(body, 100).await, "the request's body must be a JSON object");
    }
    assert!(bench.refused("", 100).await.contains("is empty"));
    for body in ["{", "{}x", "------x\r\nContent-Disposition: form-data", "\u{feff}{}"] {
        assert!(bench.refused(body, 100).await.contains("is not JSON"), "{body}");
    }
    assert!(bench.refused(&b"{\"a\":\"\xff\"}"[..], 100).await.contains("is not UTF-8"));
    for junk in ["[1,]", "{\"a\"}", "{1:2}", "tru", "\"\\x\"", "[[[[", "01"] {
        let body = format!("{{\"junk\":{junk}}}");
        assert!(bench.refused(body.clone(), 100).await.contains("is not JSON"), "{body}");
    }
    for form in ["multipart/form-data; boundary=x", "Multipart/Mixed"] {
        let request = messages().header("content-type", form);
        let mut request = request.body(Body::from(text_with(json!({})))).unwrap();
        request.headers_mut().insert("content-type", form.parse().unwrap());
        let reply = bench.call(request).await;
        assert_eq!(reply.code(), 100);
        assert!(reply.details().contains("is a form"), "{}", reply.json);
    }
    assert_eq!(bench.relay.take(), []);
}

#[tokio::test]
async fn the_longest_body_is_read_and_one_byte_more_is_not() {
    let bench = Bench::new();
    let padded = |bytes: usize| {
        let body = text_with(json!({}));
        let space = " ".repeat(bytes - body.len());
        body + &space
    };
    assert_eq!(bench.post(padded(MAX_BODY_BYTES)).await.status, 200);
    assert_eq!(bench.relay.take().len(), 1);
    let reply = bench.post(padded(MAX_BODY_BYTES + 1)).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (413, 100));
    assert!(reply.details().contains("262144 bytes"), "{}", reply.json);
    assert_eq!(bench.relay.take(), []);
}

#[tokio::test]
async fn a_body_that_stalls_or_breaks_off_is_refused() {
    let bench = Bench::new();
    // The clock of the bench ends every sleep at once, and a body that never comes is then too slow.
    let reply = bench.post(Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (408, 100));
    assert!(reply.details().contains(&format!("{} seconds", BODY_TIMEOUT.as_secs())), "{}", reply.json);

    let broken = stream::iter([Ok(Bytes::from(text_with(json!({})))), Err(io::Error::other("gone"))]);
    assert!(bench.refused(Body::from_stream(broken), 100).await.contains("broke off"));
    assert_eq!(bench.relay.take(), []);
}

#[tokio::test]
async fn a_bad_idempotency_key_is_refused() {
    let bench = Bench::new();
    let body = text_with(json!({}));
    let long = "k".repeat(bulla_relay::MAX_IDEMPOTENCY_BYTES + 1);
    for (keys, why) in
        [(vec![""], "is empty"), (vec![&long], "129 bytes, more than the 128"), (vec!["a", "b"], "once")]
    {
        let request = keys.iter().fold(messages(), |request, key| request.header("idempotency-key", *key));
        let reply = bench.call(request.body(body.clone().into()).unwrap()).await;
        assert_eq!(reply.code(), 131_009);
        assert!(
            reply.details().starts_with("Idempotency-Key: ") && reply.details().contains(why),
            "{}",
            reply.json
        );
    }
    assert_eq!(bench.relay.take(), []);
}

fn limited(rule: Rule) -> SubmitError {
    SubmitError::Limited { rule, wait: Duration::from_secs(6) }
}

/// In whole seconds: a client that comes back at that moment is not too early.
#[tokio::test]
async fn what_breaks_a_rule_comes_back_with_the_time_until_it_does_not() {
    let bench = Bench::new();
    for (millis, seconds) in [(1, "1"), (1000, "1"), (1001, "2"), (86_400_000, "86400")] {
        let wait = Duration::from_millis(millis);
        bench.relay.fail(SubmitError::Limited { rule: Rule::MessagingLimit, wait });
        let reply = bench.post(text_with(json!({}))).await;
        assert_eq!(
            (reply.status.as_u16(), reply.headers["retry-after"].to_str().unwrap()),
            (429, seconds),
            "{millis}"
        );
    }
}

#[tokio::test]
async fn what_the_relay_says_reaches_the_client_with_the_right_code() {
    let bench = Bench::new();
    let unavailable = TransportError::Unavailable { source: None };
    let text = || text_with(json!({}));
    for (error, status, code, details) in [
        (SubmitError::Unavailable(unavailable), 503, 131_016, "the carrier cannot be reached"),
        (SubmitError::Fenced { ours: Incarnation::new(3) }, 503, 131_016, "this relay has been replaced"),
        (SubmitError::Stopped, 503, 131_016, "this relay has stopped"),
        (SubmitError::UnknownUser, 400, 131_009, "recipient: it names no user"),
        (SubmitError::Store(StoreError::Closed), 503, 131_016, "the relay's store does not answer"),
        (SubmitError::NotYet { business: NUMBER }, 503, 131_016, "this number is just being opened"),
        (
            SubmitError::Suspended {
                part: SuspendedPart::Business(NUMBER),
                why: Arc::new(RelayError::Panicked),
            },
            503,
            131_016,
            "this number or conversation waits for the relay's operator",
        ),
        (SubmitError::Panicked, 500, 131_000, "the relay failed"),
        (
            SubmitError::TooLong { field: "text", unit: "characters", actual: 5000, limit: 4096 },
            400,
            100,
            "text.body: it has 5000 characters, more than the 4096 allowed",
        ),
        (
            SubmitError::Content(bulla_content::InvalidContent::Empty { field: "emoji" }),
            400,
            100,
            "reaction.emoji is missing",
        ),
        (
            SubmitError::OtherConversation { field: "context" },
            400,
            131_009,
            "context.message_id: it names no message of the",
        ),
        (SubmitError::Busy { limit: 1024 }, 503, 131_016, "as many requests as may be are under way"),
        (
            SubmitError::Backlogged { limit: 1024 },
            503,
            131_016,
            "messages to as many recipients as may be wait",
        ),
        (
            SubmitError::KeyReused { field: "idempotency key" },
            409,
            100,
            "Idempotency-Key: it belongs to another message",
        ),
        (
            SubmitError::KeyReused { field: "tracking" },
            409,
            100,
            "biz_opaque_callback_data: it belongs to another message",
        ),
        (SubmitError::WindowClosed, 400, 131_047, "more than 24 hours have passed"),
        (limited(Rule::PairRate), 429, 131_056, "too many messages were sent to this recipient"),
        (limited(Rule::MessagingLimit), 429, 131_048, "as many recipients as may be were written to"),
        (limited(Rule::Throughput), 429, 130_429, "more messages a second were sent"),
        (SubmitError::TooManyWaiting { limit: 1024 }, 429, 131_056, "as many messages as may be wait"),
    ] {
        bench.relay.fail(error);
        let reply = bench.post(text()).await;
        assert_eq!((u64::from(reply.status.as_u16()), reply.code()), (status, code), "{}", reply.json);
        assert!(reply.details().starts_with(details), "{}", reply.json);
        let again =
            reply.headers.get("retry-after").map(|seconds| seconds.to_str().unwrap().parse::<u64>().is_ok());
        assert_eq!(again, [429, 503].contains(&status).then_some(true));
        assert_eq!(reply.json["error"]["is_transient"] == true, again.is_some());
    }
    bench.relay.fail(MarkReadError::UnknownMessage);
    let read = text_with(json!({ "status": "read", "message_id": wamid(1) }));
    assert!(bench.refused(read, 131_009).await.starts_with("message_id: it names no message"));
}
