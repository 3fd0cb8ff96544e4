//! The business: a web server that is told things, and a client that says some.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bulla::webhook::signature;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use bulla::base::PhoneNumberId;

use crate::child::{APP_SECRET, TOKEN, VERIFY_TOKEN};
use crate::http::{Client, Message, Server};

/// What the shop is told.
#[derive(Debug)]
pub(crate) enum Update {
    /// A user has written.
    Text { id: String, body: String },
    /// A user has put an emoji on a message.
    Reaction,
    /// A message of the shop's has come further.
    Status { id: String, status: String, tracking: Option<String> },
}

/// Where updates about each user go.
type UpdateQueues = Arc<Mutex<HashMap<String, mpsc::UnboundedSender<Update>>>>;

pub(crate) struct TestBusiness {
    pub(crate) server: Server,
    queues: UpdateQueues,
    client: Mutex<Option<Arc<Client>>>,
}

impl TestBusiness {
    pub(crate) async fn open() -> Self {
        let queues = UpdateQueues::default();
        let told = Arc::clone(&queues);
        let server = Server::start(move |request| handle_request(&told, &request)).await;
        Self { server, queues, client: Mutex::default() }
    }

    /// Talks to the API on this port from now on.
    pub(crate) fn talk_to(&self, port: u16) {
        *self.client.lock().unwrap() = Some(Arc::new(Client::new(([127, 0, 0, 1], port).into())));
    }

    fn client(&self) -> Arc<Client> {
        self.client.lock().unwrap().clone().expect("the API is there")
    }

    /// What is told about the user with this number, from now on.
    pub(crate) fn subscribe(&self, number: &str) -> mpsc::UnboundedReceiver<Update> {
        let (queue, updates) = mpsc::unbounded_channel();
        self.queues.lock().unwrap().insert(number.to_owned(), queue);
        updates
    }

    /// Sends something and returns its id.
    pub(crate) async fn say(&self, from: PhoneNumberId, mut body: Value, key: &str) -> String {
        body["messaging_product"] = "whatsapp".into();
        let answer = self.post(from, &body.to_string(), Some(key), TOKEN).await;
        let read: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match read.pointer("/messages/0/id").and_then(Value::as_str) {
            Some(id) => id.to_owned(),
            None => panic!("{}{}", answer.head, String::from_utf8_lossy(&answer.body)),
        }
    }

    /// Marks a user's message as read.
    pub(crate) async fn mark_read(&self, by: PhoneNumberId, id: &str) {
        let body = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": id });
        let answer = self.post(by, &body.to_string(), None, TOKEN).await;
        assert!(answer.head.starts_with("HTTP/1.1 200"), "{}", answer.head);
    }

    /// Posts `body` as it is.
    pub(crate) async fn post(
        &self,
        from: PhoneNumberId,
        body: &str,
        key: Option<&str>,
        token: &str,
    ) -> Message {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("authorization", &*bearer), ("content-type", "application/json")];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        self.client().post(&format!("/v26.0/{from}/messages"), &headers, body).await
    }

    /// Ends the connections to the API, which nothing goes through just now.
    pub(crate) fn hang_up(&self) {
        self.client().hang_up();
    }
}

/// Puts what a request says into the queue of its user. The answer is to the handshake, or empty.
fn handle_request(queues: &UpdateQueues, request: &Message) -> String {
    let target = request.head.split(' ').nth(1).unwrap_or_default();
    if let Some((_, query)) = target.split_once('?') {
        assert!(query.contains(VERIFY_TOKEN), "{query}");
        let challenge = query.split('&').find_map(|field| field.strip_prefix("hub.challenge="));
        return challenge.expect("a challenge").to_owned();
    }
    let signed = request.header(signature::HEADER).unwrap();
    assert!(signature::verify(APP_SECRET.as_bytes(), &request.body, signed));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let value = body.pointer("/entry/0/changes/0/value").unwrap();
    let text = |path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let (number, update) = if let Some(status) = text("/statuses/0/status") {
        let id = text("/statuses/0/id").unwrap();
        let tracking = text("/statuses/0/biz_opaque_callback_data");
        (text("/statuses/0/recipient_id").unwrap(), Update::Status { id, status, tracking })
    } else {
        let id = text("/messages/0/id").unwrap();
        let update = match text("/messages/0/text/body") {
            Some(body) => Update::Text { id, body },
            None => Update::Reaction,
        };
        (text("/messages/0/from").unwrap(), update)
    };
    let queues = queues.lock().unwrap();
    // Nobody attends to who has been erased: nothing more may come from them.
    queues[&number].send(update).unwrap_or_else(|unheard| panic!("nobody expected {:?}", unheard.0));
    String::new()
}
