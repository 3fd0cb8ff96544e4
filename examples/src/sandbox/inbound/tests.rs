use bulla::base::{SeededRng, Timestamp};
use serde_json::json;

use super::*;

fn read(message: Value) -> Result<Inbound, NoMessage> {
    let mut message = message;
    message["from"] = json!("16505551234");
    Inbound::read(message.to_string().as_bytes())
}

fn wamid() -> (String, MessageId) {
    let id = MessageId::new(Timestamp::from_millis(1), &SeededRng::new(1));
    let name = URL_SAFE_NO_PAD.encode([*id.as_bytes(), [9; 16]].concat());
    (format!("wamid.{name}"), id)
}

#[test]
fn every_kind_is_read_as_a_webhook_shows_it() {
    let (wamid, _) = wamid();
    for (kind, object) in [
        ("text", json!({"body": "hello"})),
        ("location", json!({"latitude": 52.5, "longitude": 13.4, "name": "Berlin"})),
        (
            "contacts",
            json!([{"name": {"formatted_name": "Ada L", "first_name": "Ada"},
                    "phones": [{"phone": "+1 650", "wa_id": "1650", "type": "HOME"}],
                    "emails": [{"email": "a@b.c"}], "addresses": [{"city": "London"}],
                    "org": {"company": "X"}, "urls": [{"url": "https://x"}], "birthday": "1815-12-10"}]),
        ),
        ("reaction", json!({"message_id": wamid, "emoji": "👍"})),
        ("button", json!({"payload": "p", "text": "Yes"})),
        (
            "order",
            json!({"catalog_id": "c", "product_items":
            [{"product_retailer_id": "r", "quantity": 2, "item_price": 1.5, "currency": "EUR"}]}),
        ),
        ("edit", json!({"original_message_id": wamid, "message": {"text": {"body": "x"}}})),
        ("revoke", json!({"original_message_id": wamid})),
        ("system", json!({"body": "x"})),
    ] {
        let inbound = read(json!({"type": kind, kind: object})).unwrap();
        let Message::Body(body) = inbound.message else { panic!("{kind} is no file") };
        assert_eq!(body.name(), kind);
    }
    for (kind, object) in [
        ("button_reply", json!({"id": "1", "title": "Yes"})),
        ("list_reply", json!({"id": "1", "title": "Yes", "description": "d"})),
        ("nfm_reply", json!({"name": "flow", "body": "Sent", "response_json": "{}"})),
        ("call_permission_reply", json!({"response": "accept"})),
    ] {
        let inbound =
            read(json!({"type": "interactive", "interactive": {"type": kind, kind: object}})).unwrap();
        assert!(matches!(inbound.message, Message::Body(body) if body.name() == "interactive"), "{kind}");
    }
    for kind in media::KINDS {
        let Message::File(file) = read(json!({"type": kind, kind: {}})).unwrap().message else {
            panic!("{kind} is a file")
        };
        assert!(!file.bytes.is_empty() && file.media_type.contains('/'));
    }
}

#[test]
fn a_reply_and_a_forwarded_message_say_so() {
    let (wamid, id) = wamid();
    let context = json!({"id": wamid, "frequently_forwarded": true});
    let inbound = read(json!({"type": "text", "text": {"body": "x"}, "context": context})).unwrap();
    let content = inbound.content(Body::Text(Text::new("x").unwrap()));
    assert_eq!(content.in_reply_to(), Some(id));
    assert_eq!(content.forwarding(), Some(Forwarding::Frequently));
}

#[test]
fn what_is_missing_or_cannot_be_is_named() {
    for (message, named) in [
        (json!({}), "type: it is missing"),
        (json!({"type": "song"}), "type: it is no type of message"),
        (json!({"type": "text"}), "text: it is missing"),
        (json!({"type": "text", "text": {"body": 7}}), "text.body: it is no text"),
        (json!({"type": "reaction", "reaction": {"message_id": "x"}}), "reaction.message_id: it is no id"),
        (json!({"type": "location", "location": {"latitude": "x"}}), "location.latitude: it is no number"),
        (json!({"type": "interactive", "interactive": {"type": "x"}}), "interactive.type: nothing is tapped"),
        (
            json!({"type": "contacts", "contacts": [{"name": {}}]}),
            "contacts[0].name.formatted_name: it is miss",
        ),
        (json!({"type": "image", "image": {"data": "%"}}), "image.data"),
        (json!({"type": "text", "text": {"body": "x"}, "phone_number_id": "x"}), "phone_number_id"),
    ] {
        let why = read(message).unwrap_err().to_string();
        assert!(why.starts_with(named), "{why} does not begin with {named}");
    }
    let why = Inbound::read(b"{\"from\": \"x\"}").unwrap_err().to_string();
    assert!(why.starts_with("from: "), "{why}");
}
