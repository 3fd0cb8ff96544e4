//! What clients write otherwise than it is documented, and have always written.

use axum::body::Body;
use axum::http::Request;
use bulla_relay::{Outgoing, OutgoingBody};
use serde_json::{Value, json};

use crate::fake_relay::{ACCOUNT, Asked, NUMBER, wamid};
use crate::harness::{Bench, Reply, TOKEN};

/// What is sent when a client asks for `body`.
async fn sent(bench: &Bench, body: &Value) -> Outgoing {
    let reply = bench.post(body.to_string()).await;
    assert_eq!(reply.status, 200, "{body}: {}", reply.json);
    submitted(bench)
}

fn submitted(bench: &Bench) -> Outgoing {
    match bench.relay.take().pop() {
        Some(Asked::Submit(_, message)) => message,
        other => panic!("{other:?}"),
    }
}

async fn post_form(bench: &Bench, path: &str, fields: &[(&str, &str)]) -> Reply {
    let mut form = form_urlencoded::Serializer::new(String::new());
    let form = form.extend_pairs(fields).finish();
    let request = Request::post(path).header("authorization", format!("Bearer {TOKEN}"));
    let request = request.header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    bench.call(request.body(Body::from(form)).unwrap()).await
}

fn message(kind: &str, content: Value) -> Value {
    let mut body = json!({ "messaging_product": "whatsapp", "to": "16505551234", "type": kind });
    body[kind] = content;
    body
}

/// As the platform's own SDK writes everything.
#[tokio::test]
async fn messages_and_templates_come_in_forms() {
    let bench = Bench::new();
    let messages = format!("/v26.0/{NUMBER}/messages");
    let to = [("messaging_product", "whatsapp"), ("to", "+1 650 555 1234")];
    let text = [("text", r#"{"body":"hi & bye","preview_url":true}"#), ("biz_opaque_callback_data", "{}")];
    let reply = post_form(&bench, &messages, &[&to[..], &text].concat()).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
    let written = submitted(&bench);
    let content = json!({ "body": "hi & bye", "preview_url": true });
    assert_eq!(written, sent(&bench, &message("text", content)).await.tracking("{}"));

    let read = [("messaging_product", "whatsapp"), ("status", "read"), ("message_id", &wamid(1))];
    assert_eq!(post_form(&bench, &messages, &read).await.json, json!({ "success": true }));
    let nothing = post_form(&bench, &messages, &to).await;
    assert_eq!(nothing.details(), "text is missing");

    let components = json!([{ "type": "BODY", "text": "Hello" }]).to_string();
    let template =
        [("name", "hello"), ("language", "en_US"), ("category", "UTILITY"), ("components", &components)];
    let templates = format!("/v26.0/{ACCOUNT}/message_templates");
    let created = post_form(&bench, &templates, &template).await;
    assert_eq!(created.status, 200, "{}", created.json);
    let id = created.json["id"].as_str().unwrap().to_owned();
    let edited = post_form(&bench, &format!("/{id}"), &[("components", &components)]).await;
    assert_eq!(edited.status, 200, "{}", edited.json);
}

/// A library for Node wrote every object so for years.
#[tokio::test]
async fn objects_are_read_where_they_are_written_as_strings() {
    let bench = Bench::new();
    let contact = json!([{ "name": { "formatted_name": "Ann", "first_name": "Ann" } }]);
    for (kind, content) in [
        ("text", json!({ "body": "\"{}\" é" })),
        ("contacts", contact),
        (
            "template",
            json!({ "name": "order", "language": { "code": "en" }, "components": [
            { "type": "body", "parameters": [{ "type": "text", "text": "Ann" }] }] }),
        ),
    ] {
        let plain = sent(&bench, &message(kind, content.clone())).await;
        let folded = sent(&bench, &message(kind, content.to_string().into())).await;
        assert_eq!(folded, plain, "{kind}");
    }
    // What the business attaches stays as it is.
    let mut body = message("text", json!({ "body": "x" }).to_string().into());
    body["biz_opaque_callback_data"] = "{\"order\":7}".into();
    let plain = sent(&bench, &message("text", json!({ "body": "x" }))).await;
    assert_eq!(sent(&bench, &body).await, plain.tracking("{\"order\":7}"));
}

#[tokio::test]
async fn names_in_digits_are_read_where_they_are_numbers() {
    let bench = Bench::new();
    let mut body = message("text", json!({ "body": "x" }));
    let plain = sent(&bench, &body).await;
    body["to"] = 16_505_551_234_u64.into();
    assert_eq!(sent(&bench, &body).await, plain);
    let list = |id: Value| {
        let action = json!({ "button": "See", "sections": [{ "rows": [{ "id": id, "title": "a" }] }] });
        message("interactive", json!({ "type": "list", "body": { "text": "b" }, "action": action }))
    };
    assert_eq!(sent(&bench, &list(json!(1))).await, sent(&bench, &list(json!("1"))).await);
    // Digits that are lost are no name.
    let image = message("image", json!({ "id": 1.000_001_065_403_522_4e59 }));
    assert_eq!(bench.post(image.to_string()).await.details(), "image.id must be a string");
}

#[tokio::test]
async fn a_language_is_the_same_in_small_letters() {
    let bench = Bench::new();
    for (written, known) in [("en_us", "en_US"), ("PT_br", "pt_BR"), ("en", "en"), ("zh_hant", "zh_hant")] {
        let template = json!({ "name": "order", "language": { "code": written } });
        let OutgoingBody::Template(template) = sent(&bench, &message("template", template)).await.into_body()
        else {
            panic!()
        };
        assert_eq!(template.language(), known);
    }
}

#[tokio::test]
async fn a_codes_words_are_changed_at_its_own_path() {
    let (bench, codes) = (Bench::new(), format!("/{NUMBER}/message_qrdls"));
    let made = bench.ask("POST", &codes, json!({ "prefilled_message": "Hi" })).await;
    let code = made.json["code"].as_str().unwrap();
    let changed = bench.ask("POST", format!("{codes}/{code}?prefilled_message=Hello"), Value::Null).await;
    assert_eq!((&changed.json["code"], &changed.json["prefilled_message"]), (&json!(code), &json!("Hello")));
    let unknown = bench.ask("POST", format!("{codes}/AAAAAAAAAAAAAA?prefilled_message=x"), Value::Null).await;
    assert_eq!(unknown.status, 400, "{}", unknown.json);
}

#[tokio::test]
async fn templates_are_deleted_by_a_list_of_ids_if_all_are_there() {
    let (bench, templates) = (Bench::new(), format!("/{ACCOUNT}/message_templates"));
    let mut ids = Vec::new();
    for name in ["order", "offer", "note"] {
        let components = json!([{ "type": "BODY", "text": "Hello" }]);
        let template =
            json!({ "name": name, "language": "en", "category": "UTILITY", "components": components });
        let made = bench.ask("POST", &templates, template).await;
        ids.push(made.json["id"].as_str().unwrap().to_owned());
    }
    let delete = async |ids: &[&str]| {
        let list = format!("%5B%22{}%22%5D", ids.join("%22,%22"));
        bench.ask("DELETE", format!("{templates}?hsm_ids={list}"), Value::Null).await
    };
    let gone = "1999999999999999";
    assert_eq!(delete(&[&ids[0], gone]).await.status, 400);
    assert_eq!(delete(&vec![gone; 51]).await.details(), "hsm_ids: it has 51 ids, more than the 50 allowed");
    let left = async || {
        let listed = bench.ask("GET", &templates, Value::Null).await;
        listed.json["data"].as_array().unwrap().len()
    };
    assert_eq!(left().await, 3);
    assert_eq!(delete(&[&ids[0], &ids[1], &ids[1]]).await.json, json!({ "success": true }));
    assert_eq!(left().await, 1);
}
