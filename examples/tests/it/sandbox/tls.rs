//! A program whose web server speaks TLS.

use std::sync::Arc;

use bulla::SystemClock;
use bulla_example_program::tls;
use serde_json::{Value, json};

use super::process::Sandbox;
use super::receiver::{APP_SECRET, VERIFY_TOKEN, WebServer};

#[test]
fn a_program_is_told_over_tls_if_somebody_is_trusted_to_certify_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("tls");
    let mut config = (*tls::server(&folder, "127.0.0.1", Arc::new(SystemClock)).unwrap().config).clone();
    // It speaks HTTP/1.1 and nothing newer.
    config.alpn_protocols.clear();
    let web_server = WebServer::start_tls(Arc::new(config));
    let url = format!("https://{}/hook", web_server.address);
    let webhook = json!({ "url": url, "verify_token": VERIFY_TOKEN, "app_secret": APP_SECRET });
    let reset = json!({ "webhook": webhook });

    let authority = folder.join(tls::AUTHORITY);
    let sandbox = Sandbox::start_with(&["--trust", authority.to_str().unwrap()]);
    assert_eq!(sandbox.post("/sandbox/reset", &reset).status, 200);
    sandbox.say("16505551234", "hello");
    let told: Vec<Value> = (0..4).map(|_| web_server.next()).collect();
    assert_eq!(sandbox.updates(), told);
    let log = sandbox.log();
    let handshake = log.iter().find(|entry| entry["kind"] == "handshake").unwrap();
    assert_eq!((&handshake["path"], &handshake["status"]), (&json!(url), &json!(200)));

    // To another sandbox nobody is known who could have certified it.
    let answer = Sandbox::start().post("/sandbox/reset", &reset);
    assert!(answer.status == 400 && answer.body.contains("--trust"), "{answer:?}");
}
