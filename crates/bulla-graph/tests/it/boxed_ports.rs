//! The ports of the API in their boxed forms, as a host has them that chooses by configuration.

use std::sync::Arc;

use bulla_base::{ManualClock, SeededRng};
use bulla_graph::{DynRelayApi, DynTokenLookup, GraphApi};
use serde_json::json;
use tower::ServiceExt;

use crate::fake_relay::{NUMBER, RecordingRelay};
use crate::harness::{messages, tokens};

#[tokio::test]
async fn an_api_over_boxed_ports_answers_as_over_the_ports_themselves() {
    let recording = Arc::new(RecordingRelay::default());
    let relay: Arc<dyn DynRelayApi> = recording.clone();
    let access: Arc<dyn DynTokenLookup> = Arc::new(tokens());
    let api = GraphApi::new(relay, access, Arc::new(ManualClock::default()), Arc::new(SeededRng::new(1)));
    let text = json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" } });
    let read = json!({ "messaging_product": "whatsapp", "status": "read",
        "message_id": crate::fake_relay::wamid(1) });
    let mut typing = read.clone();
    typing["typing_indicator"] = json!({ "type": "text" });
    for body in [text, read, typing] {
        let request = messages().body(axum::body::Body::from(body.to_string())).unwrap();
        assert_eq!(api.router().oneshot(request).await.unwrap().status(), 200);
    }
    assert_eq!(recording.take().len(), 3);
    let unknown = axum::http::Request::post(format!("/v23.0/{NUMBER}/messages"))
        .header("authorization", "Bearer nobody-s");
    let request = unknown.body(axum::body::Body::empty()).unwrap();
    assert_eq!(api.router().oneshot(request).await.unwrap().status(), 401);
}
