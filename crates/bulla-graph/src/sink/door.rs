use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::http::{Request, StatusCode};
use bulla_base::Rng;
use bytes::Bytes;
use http_body_util::Full;
use tokio::sync::Mutex;

use super::WebhookError;
use super::client::Client;
use crate::Webhook;

/// A webhook, and whether it has shown that it knows its verify token.
pub(super) struct Door {
    webhook: Webhook,
    verified: AtomicBool,
    /// How many handshakes have been tried.
    tries: AtomicU64,
    /// Held by the one that is under way.
    trying: Mutex<()>,
}

impl Door {
    pub(super) const fn new(webhook: Webhook) -> Self {
        Self {
            webhook,
            verified: AtomicBool::new(false),
            tries: AtomicU64::new(0),
            trying: Mutex::const_new(()),
        }
    }

    pub(super) const fn webhook(&self) -> &Webhook {
        &self.webhook
    }

    /// Makes sure that updates may be delivered, by the handshake if it has not been made yet.
    ///
    /// Whoever comes while a handshake is under way waits for it and takes its outcome: a silent web server is not asked once for every
    /// conversation, one after the other.
    pub(super) async fn open(&self, client: &Client, rng: &dyn Rng) -> Result<(), WebhookError> {
        if self.verified.load(Ordering::Acquire) {
            return Ok(());
        }
        let before = self.tries.load(Ordering::Acquire);
        let trying = self.trying.lock().await;
        if self.verified.load(Ordering::Acquire) {
            return Ok(());
        }
        if self.tries.load(Ordering::Acquire) != before {
            return Err(WebhookError::Unverified);
        }
        let outcome = self.shake_hands(client, rng).await;
        drop(trying);
        outcome
    }

    /// Makes the handshake whether or not it has been made. While it fails, nothing is delivered.
    pub(super) async fn verify(&self, client: &Client, rng: &dyn Rng) -> Result<(), WebhookError> {
        let trying = self.trying.lock().await;
        let outcome = self.shake_hands(client, rng).await;
        drop(trying);
        outcome
    }

    async fn shake_hands(&self, client: &Client, rng: &dyn Rng) -> Result<(), WebhookError> {
        let outcome = self.ask(client, rng).await;
        self.verified.store(outcome.is_ok(), Ordering::Release);
        self.tries.fetch_add(1, Ordering::AcqRel);
        outcome
    }

    async fn ask(&self, client: &Client, rng: &dyn Rng) -> Result<(), WebhookError> {
        let challenge = challenge(rng);
        let no_url = || WebhookError::broken("the handshake's url is too long");
        let url = self.webhook.handshake_url(&challenge).ok_or_else(no_url)?;
        let request = Request::get(url).body(Full::new(Bytes::new())).map_err(WebhookError::broken)?;
        let answer = client.call(request).await?;
        if answer.status != StatusCode::OK {
            return Err(WebhookError::Status { status: answer.status.as_u16(), pause: answer.pause });
        }
        match answer.body {
            Some(body) if body == challenge.as_bytes() => Ok(()),
            _ => Err(WebhookError::WrongChallenge),
        }
    }
}

/// A random number of fifteen digits. Many web servers read the challenge as a number and answer with that: it has no leading zero, and
/// fits into what JavaScript can count.
fn challenge(rng: &dyn Rng) -> String {
    const LEAST: u64 = 100_000_000_000_000;
    let mut bytes = [0; 8];
    rng.fill(&mut bytes);
    (LEAST + u64::from_be_bytes(bytes) % (9 * LEAST)).to_string()
}
