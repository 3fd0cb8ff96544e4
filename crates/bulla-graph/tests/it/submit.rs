//! What is accepted, and what the relay is asked for then.

use bulla_base::Number;
use bulla_content::Text;
use bulla_graph::Settings;
use bulla_relay::{Outgoing, OutgoingBody, UserId};
use serde_json::json;

use crate::fake_relay::{Asked, NUMBER, reference, wamid};
use crate::harness::{Bench, messages};

fn user() -> Number {
    Number::parse("16505551234").unwrap()
}

fn text(body: &str) -> OutgoingBody {
    OutgoingBody::Text(Text::new(body).unwrap())
}

#[tokio::test]
async fn a_text_is_accepted_and_answered_as_clients_expect() {
    let bench = Bench::new();
    let reply = bench
        .post(
            json!({
                "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+1 (650) 555-1234", "type": "text",
                "text": { "body": "hello 👋", "preview_url": true },
                "context": { "message_id": wamid(5) },
                "biz_opaque_callback_data": "order 7",
            })
            .to_string(),
        )
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], "application/json");
    assert!(reply.headers["x-fb-trace-id"].to_str().unwrap().starts_with('A'));
    assert_eq!(
        reply.json,
        json!({
            "messaging_product": "whatsapp",
            "contacts": [{ "input": "+1 (650) 555-1234", "wa_id": "16505551234" }],
            "messages": [{ "id": wamid(1) }],
        })
    );
    let expected =
        Outgoing::new(user(), OutgoingBody::Text(Text::new("hello 👋").unwrap().with_preview_url(true)))
            .replying_to(reference(5))
            .tracking("order 7");
    assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, expected)]);
}

#[tokio::test]
async fn the_least_text_is_enough_and_what_is_not_known_is_ignored() {
    let bench = Bench::new();
    let nulls = json!({
        "messaging_product": "whatsapp", "recipient_type": null, "to": "16505551234", "type": null, "context": null,
        "biz_opaque_callback_data": null, "status": null, "recipient": "US.1349", "new": { "deep": [1, null] },
        "text": { "body": "x", "preview_url": null, "new": [] },
    });
    let empty_context = json!({
        "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" }, "context": { "message_id": null },
    });
    let least = json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" } });
    for body in [nulls, empty_context, least] {
        let reply = bench.post(body.to_string()).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.json);
        assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, Outgoing::new(user(), text("x")))]);
    }
}

/// `[]` is what PHP makes of an object without fields, and an empty string stands for what a client's form
/// left open.
#[tokio::test]
async fn what_clients_write_for_nothing_is_nothing_and_words_may_be_written_in_any_case() {
    let bench = Bench::new();
    let least = json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" } });
    for changes in [
        json!({ "context": [] }),
        json!({ "context": "" }),
        json!({ "context": {} }),
        json!({ "context": { "message_id": "" } }),
        json!({ "recipient_type": "", "type": "", "status": "", "biz_opaque_callback_data": "" }),
        json!({ "text": { "body": "x", "preview_url": "" } }),
        json!({ "messaging_product": "WhatsApp", "recipient_type": "INDIVIDUAL", "type": "Text" }),
        json!({ "reaction": [], "image": "", "template": [1, { "deep": [[]] }] }),
    ] {
        let mut body = least.clone();
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let reply = bench.post(body.to_string()).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.json);
        assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, Outgoing::new(user(), text("x")))]);
    }
    let read = json!({ "messaging_product": "WHATSAPP", "status": "READ", "message_id": wamid(4) });
    assert_eq!(bench.post(read.to_string()).await.status, 200);
    assert_eq!(bench.relay.take(), [Asked::MarkRead(NUMBER, reference(4))]);
}

/// Ids that a client kept from the time before it came here, or that nobody gave: the original sends such
/// replies too.
#[tokio::test]
async fn a_reply_to_a_message_that_is_not_known_is_sent_without_the_quote() {
    let bench = Bench::new();
    for name in ["wamid.X", "wamid.HQUbMTY1MDU1NTEyMzQVAgARGDAwMDAwMDAwMDAwMDAwMDAwMQA=", &"w".repeat(200)] {
        let body = json!({
            "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" },
            "context": { "message_id": name },
        });
        assert_eq!(bench.post(body.to_string()).await.status, 200);
        assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, Outgoing::new(user(), text("x")))]);
    }
}

#[tokio::test]
async fn later_of_two_fields_with_one_name_counts() {
    let bench = Bench::new();
    let body = r#"{"messaging_product":"sms","to":1,"text":{"body":"a","body":"b"},"to":"16505551234",
        "messaging\u005fproduct":"whats\u0061pp"}"#;
    assert_eq!(bench.post(body).await.status, 200);
    assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, Outgoing::new(user(), text("b")))]);
}

#[tokio::test]
async fn a_user_can_be_named_by_id_and_a_number_wins() {
    let bench = Bench::new();
    let by_id = UserId::from_bytes([0xab; 16]);
    let name = "ZZ.228189351935217557851910030866009271211".to_owned();
    let mut body = json!({ "messaging_product": "whatsapp", "recipient": name, "text": { "body": "x" } });
    let reply = bench.post(body.to_string()).await;
    assert_eq!(reply.json["contacts"], json!([{ "input": name, "user_id": name }]));
    assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, Outgoing::new(by_id, text("x")))]);

    body["to"] = json!("16505551234");
    let reply = bench.post(body.to_string()).await;
    assert_eq!(reply.json["contacts"], json!([{ "input": "16505551234", "wa_id": "16505551234" }]));
    assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, Outgoing::new(user(), text("x")))]);
}

#[tokio::test]
async fn a_reaction_is_put_on_and_taken_off() {
    let bench = Bench::new();
    for (emoji, expected) in [("👍", Some("👍".to_owned())), ("", None)] {
        let body = json!({
            "messaging_product": "whatsapp", "to": "16505551234", "type": "reaction",
            "reaction": { "message_id": wamid(2), "emoji": emoji }, "context": { "message_id": wamid(3) },
        });
        assert_eq!(bench.post(body.to_string()).await.status, 200);
        let body = OutgoingBody::Reaction { to: reference(2), emoji: expected };
        assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, Outgoing::new(user(), body))]);
    }
}

#[tokio::test]
async fn a_message_is_marked_as_read_with_or_without_typing() {
    let bench = Bench::new();
    let read = Asked::MarkRead(NUMBER, reference(4));
    let typing = Asked::ShowTyping(NUMBER, reference(4));
    for (typing, asked) in [
        (json!(null), read.clone()),
        (json!(""), read.clone()),
        (json!([]), read),
        (json!({ "type": "text" }), typing.clone()),
        (json!({ "type": "TEXT", "more": 1 }), typing),
    ] {
        let body = json!({
            "messaging_product": "whatsapp", "status": "read", "message_id": wamid(4), "typing_indicator": typing,
        });
        let reply = bench.post(body.to_string()).await;
        assert_eq!((reply.status.as_u16(), reply.json), (200, json!({ "success": true })));
        assert_eq!(bench.relay.take(), [asked]);
    }
    for (typing, says) in [
        (json!({}), "typing_indicator.type is missing"),
        (json!({ "type": "audio" }), "typing_indicator.type: it must be one of TEXT"),
        (json!("text"), "typing_indicator must be"),
        (json!(1), "typing_indicator must be"),
    ] {
        let body = json!({
            "messaging_product": "whatsapp", "status": "read", "message_id": wamid(4), "typing_indicator": typing,
        });
        let details = bench.refused(body.to_string(), 100).await;
        assert!(details.contains(says), "{says}: {details}");
    }
}

#[tokio::test]
async fn an_idempotency_key_reaches_the_relay() {
    let bench = Bench::new();
    let body =
        json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" } }).to_string();
    let longest = "k".repeat(bulla_relay::MAX_IDEMPOTENCY_BYTES);
    for key in ["order-7", &longest] {
        let request = messages().header("Idempotency-Key", key).body(body.clone().into()).unwrap();
        assert_eq!(bench.call(request).await.status, 200);
        let expected = Outgoing::new(user(), text("x")).idempotency_key(key.to_owned());
        assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, expected)]);
    }
}

/// Off unless the operator says so: clients of the original may attach the same text to many messages.
#[tokio::test]
async fn what_a_client_attaches_names_its_message_if_the_operator_says_so() {
    let body = json!({
        "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" },
        "biz_opaque_callback_data": "order 7",
    });
    let expected = Outgoing::new(user(), text("x")).tracking("order 7");
    let bench = Bench::new();
    assert_eq!(bench.post(body.to_string()).await.status, 200);
    assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, expected.clone())]);
    let bench = Bench::new().settings(Settings::default().callback_data_is_key(true));
    assert_eq!(bench.post(body.to_string()).await.status, 200);
    assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, expected.tracking_is_key())]);
}

#[tokio::test]
async fn the_longest_parts_are_accepted() {
    let bench = Bench::new();
    let (body, tracking) =
        ("é".repeat(bulla_content::MAX_TEXT_CHARS), "é".repeat(bulla_relay::MAX_TRACKING_CHARS));
    let to = format!("{}16505551234", " ".repeat(bulla_graph::MAX_TO_CHARS - 11));
    let request = json!({
        "messaging_product": "whatsapp", "to": to, "text": { "body": body }, "biz_opaque_callback_data": tracking,
    });
    let reply = bench.post(request.to_string()).await;
    assert_eq!(reply.json["contacts"][0]["input"], to);
    let expected = Outgoing::new(user(), text(&body)).tracking(tracking);
    assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, expected)]);
}
