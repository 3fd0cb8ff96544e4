//! What was asked and told is seen, and is the same again.

use std::net::TcpListener;

use serde_json::{Value, json};

use super::process::{BUSINESS, Sandbox};
use super::receiver::{APP_SECRET, VERIFY_TOKEN, WebServer};

/// A day in which something of everything happens.
fn a_day(sandbox: &Sandbox) {
    sandbox.say("16505551234", "echo this");
    sandbox.say("16505551235", "read this later");
    sandbox.say("99900000003", "read this");
    sandbox.say("99910131026", "this fails");
    sandbox.say("99920131056", "this is refused");
    sandbox.inbound(&json!({ "from": "16505551237", "type": "image", "image": { "caption": "look" } }));
    sandbox.advance("10m");
    sandbox.inbound(&json!({ "from": "4915112345678", "type": "text", "text": { "body": "guten Tag" } }));
    sandbox.say("16505551237", "thank you");
    sandbox.advance("25h");
    sandbox.say("16505551234", "too late");
    sandbox.get(&format!("/{BUSINESS}?fields=display_phone_number"));
}

#[test]
fn the_same_seed_and_the_same_requests_give_the_same_bytes() {
    let logs: Vec<String> = (0..2)
        .map(|_| {
            let sandbox = Sandbox::start();
            a_day(&sandbox);
            sandbox.get("/sandbox/log").body
        })
        .collect();
    assert_eq!(logs[0], logs[1]);
    assert!(logs[0].contains("guten Tag") && logs[0].matches("wamid.").count() > 10);
}

#[test]
fn a_reset_begins_anew() {
    let sandbox = Sandbox::start();
    a_day(&sandbox);
    let first = sandbox.get("/sandbox/log").body;
    let template = json!({ "name": "another", "language": "en_US", "category": "UTILITY",
        "components": [{ "type": "BODY", "text": "hello" }] });
    assert_eq!(sandbox.post("/102290129340398/message_templates", &template).status, 200);
    let answer = sandbox.post("/sandbox/reset", &Value::Null);
    assert_eq!(answer.status, 400, "null is no object: {answer:?}");
    assert_eq!(sandbox.post("/sandbox/reset", &json!({})).json()["now"], "2026-01-05T09:00:00Z");
    assert!(sandbox.log().is_empty());
    let templates = sandbox.get("/102290129340398/message_templates").json();
    assert_eq!(templates["data"].as_array().unwrap().len(), 2, "{templates}");
    sandbox.post("/sandbox/reset", &json!({}));
    a_day(&sandbox);
    assert_eq!(sandbox.get("/sandbox/log").body, first);
}

#[test]
fn the_program_is_told_where_a_reset_says_and_what_is_told_is_signed() {
    let (sandbox, web_server) = (Sandbox::start(), WebServer::start());
    let webhook = json!({ "url": format!("http://{}/hook", web_server.address),
        "verify_token": VERIFY_TOKEN, "app_secret": APP_SECRET });
    assert_eq!(sandbox.post("/sandbox/reset", &json!({ "webhook": webhook })).status, 200);
    sandbox.say("99910131049", "hello");
    assert_eq!(web_server.next()["statuses"][0]["errors"][0]["code"], 131_049);
    sandbox.say("16505551234", "hello");
    let told: Vec<Value> = (0..4).map(|_| web_server.next()).collect();
    assert_eq!(sandbox.updates()[1..], told);
    let kinds: Vec<_> = sandbox.log().iter().map(|entry| entry["kind"].clone()).collect();
    assert_eq!(kinds[..3], ["request", "handshake", "webhook"]);
}

#[test]
fn a_program_that_is_not_there_is_told_when_it_is_and_time_has_passed() {
    let sandbox = Sandbox::start();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    drop(taken);
    let webhook = json!({ "url": format!("http://{address}/hook"),
        "verify_token": VERIFY_TOKEN, "app_secret": APP_SECRET });
    assert_eq!(sandbox.post("/sandbox/reset", &json!({ "webhook": webhook })).status, 200);
    sandbox.say("16505551234", "hello");
    let log = sandbox.log();
    assert!(log.iter().any(|entry| entry["kind"] == "handshake" && entry["error"].is_string()), "{log:?}");
    assert!(sandbox.updates().is_empty());
    let web_server = WebServer::listen(TcpListener::bind(address).unwrap());
    sandbox.advance("1m");
    let told: Vec<Value> = (0..4).map(|_| web_server.next()).collect();
    assert_eq!(sandbox.updates(), told);
}

#[test]
fn the_page_shows_what_was_said_and_runs_nothing_of_it() {
    let sandbox = Sandbox::start();
    sandbox.say("16505551234", "<script>alert(1)</script>");
    let page = sandbox.get("/sandbox");
    assert!(page.head.contains("content-type: text/html"));
    assert!(page.body.contains("&lt;script&gt;alert(1)") && !page.body.contains("<script>"));
    assert_eq!(sandbox.get("/sandbox/nothing").status, 404);
    let behind = sandbox.get("/sandbox/log?after=1").json();
    assert_eq!(behind["data"][0]["n"], 2);
    assert_eq!(sandbox.get("/sandbox/log?after=x").status, 400);
}
