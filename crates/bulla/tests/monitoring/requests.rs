//! What a business asks for, right and wrong, with personal data wherever something can stand.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::business::ask;
use crate::personal_data::{EMOJI, PersonalData};
use crate::system_under_test::{OWN_NUMBER, SHOP, TOKEN};

/// A request, as it goes over the line.
pub(crate) struct Request {
    what: &'static str,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Request {
    fn new(what: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let headers =
            vec![("authorization", format!("Bearer {TOKEN}")), ("content-type", "application/json".into())];
        Self { what, method: "POST", path: format!("/v26.0/{SHOP}/messages"), headers, body: body.into() }
    }

    fn fields(what: &'static str, mut fields: Value) -> Self {
        fields["messaging_product"] = "whatsapp".into();
        Self::new(what, fields.to_string())
    }

    fn with(mut self, header: &'static str, value: String) -> Self {
        self.headers.retain(|(name, _)| *name != header);
        self.headers.push((header, value));
        self
    }

    /// Makes it. The status, and the answer's body.
    pub(crate) async fn make(&self, api: SocketAddr) -> (u16, Value) {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: x\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        let (answer, body) = ask(api, &head, &self.body).await;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or(0), serde_json::from_str(&body).unwrap_or_default())
    }

    /// Makes it, and it is answered well. The id of the message, if there is one.
    pub(crate) async fn succeed(&self, api: SocketAddr) -> String {
        let (status, body) = self.make(api).await;
        assert_eq!(status, 200, "{}: {body}", self.what);
        body.pointer("/messages/0/id").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Makes it, and it is refused.
    pub(crate) async fn fail(&self, api: SocketAddr) {
        let (status, body) = self.make(api).await;
        assert_ne!(status, 200, "{}: {body}", self.what);
    }
}

/// A text with everything that can stand beside it.
pub(crate) fn text(to: &str, text: &str, personal: &PersonalData) -> Request {
    let body = json!({ "to": to, "text": { "body": text }, "biz_opaque_callback_data": personal.text() });
    Request::fields("a text", body).with("idempotency-key", personal.text())
}

/// Right requests about a message of the user's.
pub(crate) fn about(to: &str, message: &str, personal: &PersonalData) -> Vec<Request> {
    let context = json!({ "message_id": message });
    let reaction = |emoji: &str| json!({ "message_id": message, "emoji": emoji });
    vec![
        Request::fields(
            "a reply",
            json!({ "to": to, "context": context, "text": { "body": personal.text() } }),
        ),
        Request::fields(
            "a reply to a message of somebody else",
            json!({ "to": to, "context": { "message_id": of_somebody_else(message) },
            "text": { "body": personal.text() } }),
        ),
        Request::fields("a reaction", json!({ "to": to, "type": "reaction", "reaction": reaction(EMOJI) })),
        Request::fields(
            "a reaction taken off",
            json!({ "to": to, "type": "reaction", "reaction": reaction("") }),
        ),
        Request::fields("a read mark", json!({ "status": "read", "message_id": message })),
    ]
}

/// The name of a message with the same id, exchanged with another user.
fn of_somebody_else(message: &str) -> String {
    let (before, after) = message.split_at(message.len() - 4);
    let changed = if after.starts_with('A') { 'B' } else { 'A' };
    before.chars().chain([changed]).chain(after.chars().skip(1)).collect()
}

/// Requests that are refused, one of each kind.
pub(crate) fn refused(personal: &PersonalData) -> Vec<Request> {
    let (canary, user, spelled) = (|| personal.text(), personal.number(0), personal.spelled(0));
    let message =
        |what, to: &str, body: &str| Request::fields(what, json!({ "to": to, "text": { "body": body } }));
    let fields = |what, fields: Value| Request::fields(what, fields);
    let right = || message("", user, &canary());
    vec![
        Request { what: "no token", headers: Vec::new(), ..right() },
        Request { what: "a wrong token", ..right() }.with("authorization", format!("Bearer {}", canary())),
        Request { what: "no bearer", ..right() }.with("authorization", format!("Basic {}", canary())),
        Request { what: "another path", path: format!("/v26.0/{}/{}", canary(), canary()), ..right() },
        Request { what: "a query", path: format!("/v26.0/1/messages?access_token={}", canary()), ..right() },
        Request { what: "another number", path: "/v26.0/123456/messages".into(), ..right() },
        Request { what: "another method", method: "DELETE", ..right() },
        Request::new("a body that ends early", format!("{{\"text\": \"{}\"", canary())),
        Request::new("a body that is no object", format!("[\"{}\"]", canary())),
        Request::new("a body that is not UTF-8", [canary().as_bytes(), &[0xff]].concat()),
        Request::new("a body that is too large", canary().repeat(1 << 16)),
        Request::new("a body that is nested", format!("{}\"{}\"", "[".repeat(4_096), canary())),
        Request::new("another product", json!({ "messaging_product": canary(), "to": user }).to_string()),
        fields("another status", json!({ "status": canary(), "message_id": canary() })),
        fields("a message id that is none", json!({ "status": "read", "message_id": canary() })),
        fields("another recipient type", json!({ "to": user, "recipient_type": canary() })),
        fields("another type", json!({ "to": user, "type": canary() })),
        fields(
            "a known type that is not supported",
            json!({ "to": user, "type": "image", "image": { "id": canary() } }),
        ),
        fields("no text", json!({ "to": user })),
        fields("no recipient", json!({ "text": { "body": canary() } })),
        fields("a text that is a number", json!({ "to": user, "text": { "body": 7, "x": canary() } })),
        fields("a text that is another thing", json!({ "to": user, "text": canary() })),
        message("a text that is too long", user, &canary().repeat(300)),
        message("a number that is none", &canary(), &canary()),
        message("a number that is too long", &format!("{spelled}{user}"), &canary()),
        message("an empty number", "+", &canary()),
        fields("an unknown user id", json!({ "recipient": canary(), "text": { "body": canary() } })),
        fields(
            "an emoji that is none",
            json!({ "to": user, "type": "reaction",
            "reaction": { "message_id": canary(), "emoji": canary() } }),
        ),
        fields(
            "tracking that is too long",
            json!({ "to": user, "text": { "body": canary() },
            "biz_opaque_callback_data": canary().repeat(64) }),
        ),
        Request { what: "a key that is too long", ..right() }.with("idempotency-key", canary().repeat(32)),
        Request { what: "a key used before, by another message", ..right() }
            .with("idempotency-key", canary()),
    ]
}

/// A right request under the idempotency key of `other`.
pub(crate) fn same_key(other: &Request, to: &str, personal: &PersonalData) -> Request {
    let (_, key) = other.headers.iter().find(|(name, _)| *name == "idempotency-key").unwrap();
    text(to, &personal.text(), personal).with("idempotency-key", key.clone())
}

/// The business writes to its own number.
pub(crate) fn to_itself(personal: &PersonalData) -> Request {
    text(OWN_NUMBER, &personal.text(), personal)
}
