//! Users write what a test says.

use serde_json::{Value, json};

use super::process::{BUSINESS, Sandbox};

#[test]
fn every_kind_of_message_is_told_as_it_was_written() {
    let sandbox = Sandbox::start();
    let sent = sandbox.say("16505551235", "hello").json()["messages"][0]["id"].clone();
    let kinds = [
        ("text", json!({ "body": "hello" })),
        ("location", json!({ "latitude": 52.5, "longitude": 13.4, "name": "Berlin" })),
        ("contacts", json!([{ "name": { "formatted_name": "Ada L", "first_name": "Ada" } }])),
        ("reaction", json!({ "message_id": sent, "emoji": "👍" })),
        ("button", json!({ "payload": "p", "text": "Yes" })),
        ("interactive", json!({ "type": "list_reply", "list_reply": { "id": "1", "title": "One" } })),
        (
            "order",
            json!({ "catalog_id": "c", "product_items":
            [{ "product_retailer_id": "r", "quantity": 2, "item_price": 1.5, "currency": "EUR" }] }),
        ),
    ];
    for (kind, object) in &kinds {
        sandbox.inbound(&json!({ "from": "16505551235", "type": kind, *kind: object }));
    }
    let told = sandbox.messages();
    assert_eq!(told.len(), kinds.len());
    for (message, (kind, object)) in told.iter().zip(&kinds) {
        assert_eq!((&message["type"], &message[kind]), (&json!(kind), object));
    }
}

#[test]
fn a_file_that_a_user_sends_can_be_fetched() {
    let sandbox = Sandbox::start();
    for kind in ["image", "video", "audio", "document", "sticker"] {
        sandbox.inbound(&json!({ "from": "16505559999", "type": kind, kind: { "data": "aGVsbG8=" } }));
    }
    let told = sandbox.messages();
    assert_eq!(told.len(), 5);
    for message in told {
        let media = &message[message["type"].as_str().unwrap()];
        let facts = sandbox.get(&format!("/{}", media["id"].as_str().unwrap())).json();
        assert_eq!(facts["file_size"], 5, "{facts}");
        let url = facts["url"].as_str().unwrap().strip_prefix("http://sandbox").unwrap();
        assert_eq!(sandbox.get(url).body, "hello");
    }
}

#[test]
fn a_message_answers_another_and_an_unknown_kind_is_told_as_such() {
    let sandbox = Sandbox::start();
    let sent = sandbox.say("16505551235", "hello").json()["messages"][0]["id"].clone();
    let context = json!({ "id": sent });
    sandbox.inbound(
        &json!({ "from": "16505551235", "type": "text", "text": { "body": "x" }, "context": context }),
    );
    sandbox.inbound(&json!({ "from": "16505551235", "type": "unsupported" }));
    let told = sandbox.messages();
    assert_eq!(told[0]["context"]["id"], sent);
    assert_eq!((&told[1]["type"], &told[1]["errors"][0]["code"]), (&json!("unsupported"), &json!(131_051)));
}

#[test]
fn what_nobody_can_say_is_refused_and_named() {
    let sandbox = Sandbox::start();
    let text = |from: &str, to: &str| -> Value {
        json!({ "from": from, "phone_number_id": to, "type": "text", "text": { "body": "x" } })
    };
    for (message, named) in [
        (json!({ "from": "16505551235", "type": "text", "text": {} }), "text.body: it is missing"),
        (text("16505551235", "7"), "phone_number_id: it is none of the seed's"),
        (text("16505551238", BUSINESS), "from: the seed says that this user is away"),
        (text("16505551239", BUSINESS), "from: the seed says that this user is without an account"),
    ] {
        let answer = sandbox.post("/sandbox/inbound", &message);
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!(named)));
    }
    assert!(sandbox.messages().is_empty());
}
