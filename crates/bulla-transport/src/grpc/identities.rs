//! Who we are, and what the carrier has given us for having proved it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bulla_base::{Address, Timestamp};
use bulla_envelope::{IdentitySigner, InstallationId};
use bytes::Bytes;
use zeroize::Zeroizing;

use super::client::Inner;
use super::connection::Channel;
use super::limits::MAX_CREDENTIAL_BYTES;
use super::{ChannelBinding, IdentityProof, proto};
use crate::{Caller, TransportError};

/// A credential. It is wiped with the last who holds it.
pub(crate) type Token = Arc<Zeroizing<Vec<u8>>>;

/// The signers that were handed over, and the credential of each caller.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    signers: Mutex<HashMap<InstallationId, Arc<dyn IdentitySigner>>>,
    places: Mutex<HashMap<(Address, InstallationId), Arc<Place>>>,
}

/// Where a caller's credential is. Whoever finds none asks for one, and others wait.
#[derive(Debug, Default)]
struct Place {
    held: tokio::sync::Mutex<Option<Held>>,
    /// How many attempts have failed: who has waited for one need not make another at once.
    failed: AtomicU64,
}

struct Held {
    /// The connection on which it was given.
    on: Arc<ChannelBinding>,
    until: Timestamp,
    /// `None` if the carrier asks for none.
    token: Option<Token>,
}

impl Identities {
    /// From now on `signer` signs for its installation.
    pub(crate) fn add(&self, signer: Arc<dyn IdentitySigner>) {
        let installation = InstallationId::of_identity(&signer.identity_key());
        self.signers.lock().unwrap_or_else(PoisonError::into_inner).insert(installation, signer);
    }

    fn signer(&self, installation: InstallationId) -> Option<Arc<dyn IdentitySigner>> {
        self.signers.lock().unwrap_or_else(PoisonError::into_inner).get(&installation).cloned()
    }

    fn place(&self, caller: &Caller) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(places.entry((caller.address().clone(), caller.installation())).or_default())
    }
}

impl Held {
    /// Whether it goes with calls on `channel`, and is not the one that was `refused`.
    fn is_good(&self, channel: &Channel, now: Timestamp, refused: Option<&Token>) -> bool {
        let was_refused = match (&self.token, refused) {
            (Some(token), Some(refused)) => Arc::ptr_eq(token, refused),
            _ => false,
        };
        Arc::ptr_eq(&self.on, channel.binding()) && now < self.until && !was_refused
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("until", &self.until).finish_non_exhaustive()
    }
}

impl Inner {
    /// The credential of `caller` on `channel`, other than the one that was `refused`. If there is none, who
    /// we are is proved, by one of those who ask at once. `None` if nobody signs for the caller, or the
    /// carrier asks for no proof.
    pub(crate) async fn credential(
        &self,
        channel: &Channel,
        caller: &Caller,
        refused: Option<&Token>,
    ) -> Result<Option<Token>, TransportError> {
        let Some(signer) = self.identities.signer(caller.installation()) else { return Ok(None) };
        let place = self.identities.place(caller);
        let seen = place.failed.load(Ordering::Acquire);
        let mut held = place.held.lock().await;
        if let Some(held) = &*held
            && held.is_good(channel, self.clock.now(), refused)
        {
            return Ok(held.token.clone());
        }
        if place.failed.load(Ordering::Acquire) != seen {
            return Err(TransportError::unavailable("who we are could not be proved"));
        }
        *held = None;
        match self.prove(channel, caller, &*signer).await {
            Ok(given) => Ok(held.insert(given).token.clone()),
            Err(error) => {
                place.failed.fetch_add(1, Ordering::Release);
                Err(error)
            }
        }
    }

    /// Proves on `channel` that we are `caller`.
    async fn prove(
        &self,
        channel: &Channel,
        caller: &Caller,
        signer: &dyn IdentitySigner,
    ) -> Result<Held, TransportError> {
        let until = |seconds: u32| {
            // A carrier that gives no time would be asked for another at each call, and no more.
            self.clock.now().after(Duration::from_secs(u64::from(seconds)))
        };
        let mut client = self.client(channel);
        let request = self.request(proto::ChallengeRequest {}, None);
        let challenge = self.answer(channel, client.challenge(request)).await?;
        let on = Arc::clone(channel.binding());
        if challenge.nonce.is_empty() {
            return Ok(Held { until: Timestamp::from_millis(u64::MAX), on, token: None });
        }
        let statement = IdentityProof::statement(&challenge.nonce, &on, caller);
        let statement = statement.map_err(TransportError::carrier_failed)?;
        let request = proto::ProveRequest {
            caller: Some(caller.into()),
            identity_key: Bytes::copy_from_slice(&signer.identity_key()),
            nonce: challenge.nonce,
            binding: on.kind().into(),
            signature: Bytes::copy_from_slice(&signer.sign(&statement, self.rng())),
        };
        let given = self.answer(channel, client.prove(self.request(request, None))).await?;
        let token = Zeroizing::new(Vec::from(given.token));
        if token.is_empty() || token.len() > MAX_CREDENTIAL_BYTES {
            return Err(TransportError::carrier_failed("the carrier's credential is none"));
        }
        Ok(Held { until: until(given.seconds), on, token: Some(Arc::new(token)) })
    }
}
