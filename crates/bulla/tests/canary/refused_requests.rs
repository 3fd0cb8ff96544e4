//! What the shop asks for and cannot have, with canaries in it: what is refused must not stay either.

use serde_json::{Value, json};

use crate::business::Update;
use crate::canaries::Canaries;
use crate::child::{SHOPS, TOKEN};
use crate::users::TestBed;

/// A request that is refused, or a message that fails.
pub(crate) struct RefusedRequest {
    pub(crate) what: &'static str,
    body: String,
    key: String,
    token: String,
    refused: bool,
}

impl RefusedRequest {
    /// One of each.
    pub(crate) fn all(canaries: &Canaries) -> Vec<Self> {
        let canary = || canaries.canary();
        let request = |what, body: String| {
            let (key, token) = (canary(), TOKEN.to_owned());
            Self { what, body, key, token, refused: true }
        };
        let to = &canaries.numbers()[0];
        let message = |to: &str, body: String| {
            json!({ "messaging_product": "whatsapp", "to": to, "text": { "body": body } }).to_string()
        };
        let text = || message(to, canary());
        let other = |mut fields: Value| {
            fields["messaging_product"] = "whatsapp".into();
            fields.to_string()
        };
        vec![
            request("a body that ends early", format!("{{ \"text\": \"{}\"", canary())),
            Self { token: canary(), ..request("a wrong token", text()) },
            Self { key: canary().repeat(10), ..request("a key that is too long", text()) },
            request("a text that is too long", message(to, canary().repeat(300))),
            request("another product", json!({ "messaging_product": canary(), "to": to }).to_string()),
            request("a number that is none", message(&canary(), canary())),
            request("a type there is not", other(json!({ "to": to, "type": canary() }))),
            request("an id that is none", other(json!({ "status": "read", "message_id": canary() }))),
            Self {
                refused: false,
                ..request("a message to nobody", message(&canaries.stranger(), canary()))
            },
        ]
    }

    /// Makes it, and ends when it is known to be one.
    pub(crate) async fn make(&self, test_bed: &TestBed) {
        let answer = test_bed.shop.post(SHOPS[0], &self.body, Some(&self.key), &self.token).await;
        assert_eq!(!answer.head.starts_with("HTTP/1.1 200"), self.refused, "{}: {}", self.what, answer.head);
        if !self.refused {
            let update = test_bed.stranger.lock().await.recv().await;
            assert!(
                matches!(&update, Some(Update::Status { status, .. }) if status == "failed"),
                "{}: {update:?}",
                self.what
            );
        }
    }
}
