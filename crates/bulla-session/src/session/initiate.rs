use rand_core::CryptoRng;
use thiserror::Error;

use super::state::Session;
use super::{Failed, Sessions};
use crate::error::{KeyError, NotWhole, SignatureError};
use crate::local_identity::LocalIdentity;
use crate::pqxdh;
use crate::prekey::PreKeyBundle;
use crate::time::UnixSeconds;
use crate::trust::Trust;

/// Why no session could be started. Ask the directory for another bundle, or the user whom to trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InitiateError {
    /// The bundle is of another identity than the one trusted.
    #[error("the bundle is of an untrusted identity")]
    UntrustedIdentity,
    /// The bundle's prekeys are not signed by its identity.
    #[error("the bundle is not signed by its identity")]
    Signature(#[from] SignatureError),
    /// A key of the bundle allows no agreement.
    #[error("a key of the bundle is unusable")]
    Key(#[from] KeyError),
    /// The session in use cannot be archived without all its parts.
    #[error(transparent)]
    NotWhole(#[from] NotWhole),
}

impl Sessions {
    /// Starts a session with the device a bundle is of; the one in use so far, if any, is archived.
    ///
    /// What is sealed from now on carries all the peer needs to start the session too, until it answers.
    ///
    /// # Errors
    ///
    /// [`InitiateError`], with these sessions unchanged.
    ///
    /// # Cost
    ///
    /// Six or seven X25519 operations beside two signatures and a Kyber encapsulation.
    pub fn initiate(
        mut self,
        local: &LocalIdentity,
        bundle: &PreKeyBundle,
        trust: Trust<'_>,
        now: UnixSeconds,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Failed<InitiateError>> {
        // First: without all its parts the session in use cannot be archived, and what was agreed would be
        // for nothing.
        let started = match self.check_whole() {
            Ok(()) => start(local, bundle, trust, now, rng),
            Err(error) => Err(error.into()),
        };
        match started {
            Ok(session) => {
                self.replace_current(session);
                Ok(self)
            }
            Err(error) => Err(Failed::new(self, error)),
        }
    }
}

fn start(
    local: &LocalIdentity,
    bundle: &PreKeyBundle,
    trust: Trust<'_>,
    now: UnixSeconds,
    rng: &mut impl CryptoRng,
) -> Result<Box<Session>, InitiateError> {
    if !trust.admits(bundle.identity()) {
        return Err(InitiateError::UntrustedIdentity);
    }
    // Only of somebody who is believed: a signature shows whose the prekeys are, not whom to believe.
    bundle.verify()?;
    let initiated = pqxdh::initiate(local, bundle, rng)?;
    Ok(Box::new(Session::initiated(local, bundle, initiated, now, rng)?))
}
