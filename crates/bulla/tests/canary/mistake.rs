//! What the shop asks for and cannot have, with canaries in it: what is refused must not stay either.

use serde_json::{Value, json};

use crate::child::{SHOPS, TOKEN};
use crate::crowd::Stage;
use crate::marks::Marks;
use crate::shop::Update;

/// A request that is refused, or a message that fails.
pub(crate) struct Mistake {
    pub(crate) what: &'static str,
    body: String,
    key: String,
    token: String,
    refused: bool,
}

impl Mistake {
    /// One of each.
    pub(crate) fn all(marks: &Marks) -> Vec<Self> {
        let canary = || marks.canary();
        let mistake = |what, body: String| {
            let (key, token) = (canary(), TOKEN.to_owned());
            Self { what, body, key, token, refused: true }
        };
        let to = &marks.numbers()[0];
        let message = |to: &str, body: String| {
            json!({ "messaging_product": "whatsapp", "to": to, "text": { "body": body } }).to_string()
        };
        let text = || message(to, canary());
        let other = |mut fields: Value| {
            fields["messaging_product"] = "whatsapp".into();
            fields.to_string()
        };
        vec![
            mistake("a body that ends early", format!("{{ \"text\": \"{}\"", canary())),
            Self { token: canary(), ..mistake("a wrong token", text()) },
            Self { key: canary().repeat(10), ..mistake("a key that is too long", text()) },
            mistake("a text that is too long", message(to, canary().repeat(300))),
            mistake("another product", json!({ "messaging_product": canary(), "to": to }).to_string()),
            mistake("a number that is none", message(&canary(), canary())),
            mistake("a type there is not", other(json!({ "to": to, "type": canary() }))),
            mistake("an id that is none", other(json!({ "status": "read", "message_id": canary() }))),
            Self { refused: false, ..mistake("a message to nobody", message(&marks.stranger(), canary())) },
        ]
    }

    /// Makes it, and ends when it is known to be one.
    pub(crate) async fn make(&self, stage: &Stage) {
        let answer = stage.shop.post(SHOPS[0], &self.body, Some(&self.key), &self.token).await;
        assert_eq!(!answer.head.starts_with("HTTP/1.1 200"), self.refused, "{}: {}", self.what, answer.head);
        if !self.refused {
            let update = stage.stranger.lock().await.recv().await;
            assert!(
                matches!(&update, Some(Update::Status { status, .. }) if status == "failed"),
                "{}: {update:?}",
                self.what
            );
        }
    }
}
