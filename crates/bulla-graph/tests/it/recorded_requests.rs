//! What public clients really send (`tests/data/README.md`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use futures_util::stream;
use serde_json::Value;

use crate::clock::WaitingClock;
use crate::fake_relay::{ACCOUNT, NUMBER, media_name, wamid};
use crate::harness::{Bench, Reply};

/// How many of the 140 are served: messages, files, templates, what is configured, and files behind links.
const SERVED: i32 = 61 + 15 + 14 + 26 + 14;

/// How many say a code that was told: each of another number than any that is told here.
const CODES: i32 = 2;

/// Every recorded request, by the client's name.
fn recorded() -> BTreeMap<String, Vec<Value>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/recorded");
    let client = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        let lines = fs::read_to_string(entry.path()).unwrap();
        let requests = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (entry.file_name().into_string().unwrap(), requests)
    };
    fs::read_dir(folder).unwrap().map(client).collect()
}

/// Whether a request is one of those this version serves.
fn is_served(request: &Value) -> bool {
    let target = request["target"].as_str().unwrap();
    if is_about_media(request) || is_upload(request) || is_about_templates(request) || is_managed(request) {
        return true;
    }
    let body: Value = serde_json::from_str(request["body"].as_str().unwrap_or_default()).unwrap_or_default();
    target.ends_with("/messages")
        && (body["status"] == "read"
            || ["text", "reaction", "location", "contacts", "interactive", "template"]
                .iter()
                .any(|kind| body["type"] == *kind)
            || has_media(&body))
}

/// Whether a message has media, uploaded or behind a link.
fn has_media(message: &Value) -> bool {
    let kind = message["type"].as_str().unwrap_or_default();
    has_uploaded_media(message) || message[kind]["link"].is_string()
}

/// Whether a message has media that was uploaded, and not a link to it.
fn has_uploaded_media(message: &Value) -> bool {
    let kind = message["type"].as_str().unwrap_or_default();
    ["image", "video", "audio", "document", "sticker"].contains(&kind) && message[kind]["id"].is_string()
}

fn is_about_templates(request: &Value) -> bool {
    request["target"].as_str().unwrap().contains("/message_templates")
}

/// Whether it is about a number, an account, or what belongs to them.
fn is_managed(request: &Value) -> bool {
    let target = request["target"].as_str().unwrap();
    let path = target.split('?').next().unwrap().trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap();
    let is_node = last == NUMBER.to_string() || last == ACCOUNT.to_string();
    let edges = [
        "whatsapp_business_profile",
        "register",
        "deregister",
        "request_code",
        "verify_code",
        "settings",
        "phone_numbers",
        "flows",
        "message_qrdls",
        "block_users",
    ];
    // An account has no such settings: one client asks for them there.
    let is_commerce = last == "whatsapp_commerce_settings" && path.contains(&NUMBER.to_string());
    let has_callback = request["body"].as_str().unwrap_or_default().contains("override_callback_uri");
    (is_node || is_commerce || edges.contains(&last)) && !has_callback
}

fn is_upload(request: &Value) -> bool {
    request["target"].as_str().unwrap().ends_with("/media")
}

/// Whether it asks for media, or deletes it. The URL of a file is what the answer says, and not the stub's.
fn is_about_media(request: &Value) -> bool {
    let last = request["target"].as_str().unwrap().rsplit('/').next().unwrap();
    let is_id = last.len() == 15 && last.starts_with("9000000000000");
    is_id && ["GET", "DELETE"].contains(&request["method"].as_str().unwrap())
}

/// The request with ids of ours in the place of those of the stub, and with the beginning of a picture where
/// the recording has dots.
fn with_ours(request: &Value) -> (Value, Vec<u8>) {
    let (mut request, name) = (request.clone(), media_name(0));
    let body = request["body"].as_str().unwrap_or_default().to_owned();
    let body = ["wamid.X", "wamid.IN1"].iter().fold(body, |body, id| body.replace(id, &wamid(2)));
    if is_upload(&request) {
        let picture: &[u8] =
            if body.contains("image/png") { b"\x89PNG\r\n\x1a\n" } else { b"\xff\xd8\xff\xe0\0\x10JF" };
        let at = body.find("........").unwrap();
        let body = [&body.as_bytes()[..at], picture, &body.as_bytes()[at + 8..]].concat();
        return (request, body);
    }
    if is_about_media(&request) {
        let target = request["target"].as_str().unwrap();
        let (version, _) = target.rsplit_once('/').unwrap();
        request["target"] = format!("{version}/{name}").into();
    }
    if let Ok(mut message) = serde_json::from_str::<Value>(&body)
        && has_uploaded_media(&message)
    {
        let kind = message["type"].as_str().unwrap().to_owned();
        message[kind]["id"] = name.into();
        return (request, message.to_string().into_bytes());
    }
    (request, body.into_bytes())
}

async fn replay(bench: &Bench, request: &Value, body: Vec<u8>) -> Reply {
    let mut builder = Request::builder().method(request["method"].as_str().unwrap());
    builder = builder.uri(request["target"].as_str().unwrap()).header("host", "relay.example");
    for (name, field) in [("authorization", "authorization"), ("content-type", "content_type")] {
        if let Some(value) = request[field].as_str() {
            builder = builder.header(name, value);
        }
    }
    let body = if request["chunked"] == true {
        let pieces: Vec<_> =
            body.chunks(7).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece))).collect();
        Body::from_stream(stream::iter(pieces))
    } else {
        Body::from(body)
    };
    bench.call(builder.body(body).unwrap()).await
}

#[tokio::test]
async fn what_is_served_of_all_clients_is_accepted() {
    let mut accepted = BTreeMap::new();
    for (client, requests) in recorded() {
        for request in requests.iter().filter(|request| is_served(request)) {
            let (bench, _) = Bench::with_clock(Arc::new(WaitingClock)).following_links();
            bench.relay.keep_media(NUMBER, b"a picture").await;
            if request["method"] == "DELETE" && is_about_templates(request) {
                bench.relay.keep_templates(["order_x", "order_update"]).await;
            }
            if request["target"].as_str().unwrap().contains("verify_code") {
                // The code that the client says is one that was told.
                continue;
            }
            // The ids are those of the stub the clients were recorded against; ours stand in their place.
            let (ours, body) = with_ours(request);
            let reply = replay(&bench, &ours, body).await;
            assert_eq!(reply.status, 200, "{client}: {request}: {}", reply.json);
            let is_message = request["target"].as_str().unwrap().ends_with("/messages");
            assert_eq!(bench.relay.take().len(), usize::from(is_message));
            if is_upload(request) {
                assert_eq!(reply.json["id"], media_name(1));
            }
            *accepted.entry(client.clone()).or_insert(0) += 1;
        }
    }
    assert_eq!(accepted.len(), 8, "{accepted:?}");
    assert_eq!(accepted.values().sum::<i32>(), SERVED, "{accepted:?}");
}

#[tokio::test]
async fn everything_else_they_send_is_answered_with_an_error() {
    let bench = Bench::new();
    let mut refused = 0;
    for (client, requests) in recorded() {
        for request in requests.iter().filter(|request| !is_served(request)) {
            let body = request["body"].as_str().unwrap_or_default().as_bytes().to_vec();
            let reply = replay(&bench, request, body).await;
            let code = reply.code();
            let expected: &[u64] = match request["target"].as_str().unwrap() {
                target if target.ends_with("/messages") => &[131_051],
                _ if request["authorization"].is_null() => &[190],
                _ => &[100],
            };
            assert!(expected.contains(&code), "{client}: {request}: {}", reply.json);
            refused += 1;
        }
    }
    assert_eq!(refused, 140 - SERVED - CODES);
    assert_eq!(bench.relay.take(), []);
}

/// The ids a client kept from the time before it came here name nothing here: what must have a message is
/// refused, and a reply goes without its quote.
#[tokio::test]
async fn ids_of_another_service_are_not_mistaken_for_ours() {
    let bench = Bench::new();
    let (mut sent, mut refused) = (0, 0);
    for request in recorded().into_values().flatten().filter(is_served) {
        let body = request["body"].as_str().unwrap_or_default();
        if !body.contains("wamid.") {
            continue;
        }
        let fields: Value = serde_json::from_str(body).unwrap();
        let reply = replay(&bench, &request, body.as_bytes().to_vec()).await;
        if fields["type"] == "text" {
            assert_eq!(reply.status, 200, "{}", reply.json);
            assert_eq!(bench.relay.take().len(), 1);
            sent += 1;
        } else {
            assert_eq!(reply.code(), 131_009);
            assert_eq!(bench.relay.take(), []);
            refused += 1;
        }
    }
    assert!(sent > 0 && refused > 0, "{sent} {refused}");
}
