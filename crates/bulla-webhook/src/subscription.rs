use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bulla_base::Rng;
use bulla_relay::Destination;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::sync::Mutex;

use crate::client::{Purpose, WebhookClient};
use crate::outage_log::OutageLog;
use crate::server_state::ServerState;
use crate::{Webhook, WebhookError};

/// A webhook, and whether it has shown that it knows its verify token.
pub(crate) struct Subscription {
    webhook: Webhook,
    destination: Destination,
    server: ServerState,
    outage_log: OutageLog,
    verified: AtomicBool,
    /// How many handshakes have been tried.
    attempts: AtomicU64,
    /// Held by the one that is under way.
    attempting: Mutex<()>,
}

impl Subscription {
    pub(crate) fn new(webhook: Webhook) -> Self {
        Self {
            destination: webhook.destination(),
            server: ServerState::new(webhook.origin().clone()),
            outage_log: OutageLog::default(),
            webhook,
            verified: AtomicBool::new(false),
            attempts: AtomicU64::new(0),
            attempting: Mutex::const_new(()),
        }
    }

    /// Of one that has shown it before.
    pub(crate) fn verified(webhook: Webhook) -> Self {
        Self { verified: AtomicBool::new(true), ..Self::new(webhook) }
    }

    pub(crate) const fn webhook(&self) -> &Webhook {
        &self.webhook
    }

    /// What the relay calls it.
    pub(crate) const fn destination(&self) -> &Destination {
        &self.destination
    }

    pub(crate) const fn server(&self) -> &ServerState {
        &self.server
    }

    pub(crate) const fn outage_log(&self) -> &OutageLog {
        &self.outage_log
    }

    /// Makes sure that updates may be delivered, by the handshake if it has not been made yet.
    ///
    /// Whoever comes while a handshake is under way waits for it and takes its outcome: a silent web server
    /// is not asked once for every conversation, one after the other.
    pub(crate) async fn ensure_verified(
        &self,
        client: &WebhookClient,
        rng: &dyn Rng,
    ) -> Result<(), WebhookError> {
        if self.verified.load(Ordering::Acquire) {
            return Ok(());
        }
        // Read before the wait: a handshake that has ended meanwhile was made for this call, too.
        let before = self.attempts.load(Ordering::Acquire);
        let attempting = self.attempting.lock().await;
        if self.verified.load(Ordering::Acquire) {
            return Ok(());
        }
        if self.attempts.load(Ordering::Acquire) != before {
            return Err(WebhookError::Unverified);
        }
        let outcome = self.handshake(client, rng).await;
        drop(attempting);
        outcome
    }

    /// Makes the handshake whether or not it has been made. While it fails, nothing is delivered.
    pub(crate) async fn verify(&self, client: &WebhookClient, rng: &dyn Rng) -> Result<(), WebhookError> {
        let attempting = self.attempting.lock().await;
        let outcome = self.handshake(client, rng).await;
        drop(attempting);
        outcome
    }

    async fn handshake(&self, client: &WebhookClient, rng: &dyn Rng) -> Result<(), WebhookError> {
        let outcome = self.ask(client, rng).await;
        self.verified.store(outcome.is_ok(), Ordering::Release);
        self.attempts.fetch_add(1, Ordering::AcqRel);
        outcome
    }

    async fn ask(&self, client: &WebhookClient, rng: &dyn Rng) -> Result<(), WebhookError> {
        let challenge = challenge(rng);
        let too_long = || WebhookError::broken("the handshake's url is too long");
        let target = self.webhook.handshake_target(&challenge).ok_or_else(too_long)?;
        let request = Request::get(target).body(Full::new(Bytes::new())).map_err(WebhookError::broken)?;
        let response = client.call(&self.server, Purpose::Handshake, request).await?;
        if response.status != StatusCode::OK {
            return Err(WebhookError::Status {
                status: response.status.as_u16(),
                retry_after: response.retry_after,
            });
        }
        match response.body {
            // To the byte: a page that repeats what it was asked holds the challenge, and knows no token.
            Some(body) if body == challenge.as_bytes() => Ok(()),
            _ => Err(WebhookError::WrongChallenge),
        }
    }
}

/// A random number of fifteen digits. Many web servers read the challenge as a number and answer with that:
/// it has no leading zero, and fits into what JavaScript can count.
fn challenge(rng: &dyn Rng) -> String {
    const LEAST: u64 = 100_000_000_000_000;
    let mut bytes = [0; 8];
    rng.fill(&mut bytes);
    (LEAST + u64::from_be_bytes(bytes) % (9 * LEAST)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Randomness that is not random.
    #[derive(Debug)]
    struct Fixed(u64);

    impl Rng for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0.to_be_bytes());
        }
    }

    #[test]
    fn a_challenge_is_a_number_of_fifteen_digits_whatever_the_randomness() {
        assert_eq!(challenge(&Fixed(0)), "100000000000000");
        assert_eq!(challenge(&Fixed(1)), "100000000000001");
        // The last there is, and the next.
        assert_eq!(challenge(&Fixed(899_999_999_999_999)), "999999999999999");
        assert_eq!(challenge(&Fixed(900_000_000_000_000)), "100000000000000");
        assert_eq!(challenge(&Fixed(u64::MAX)).len(), 15);
    }
}
