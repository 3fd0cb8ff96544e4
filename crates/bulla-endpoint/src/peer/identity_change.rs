//! Whether the peer is who it was.

use bulla_envelope::InstallationId;
use bulla_session::IdentityKey;

use super::Peer;
use crate::{Identity, IdentityPolicy, SafetyNumber, SealError};

/// Names a session among those with a peer: the beginning of the public key that it began with.
pub type SessionName = [u8; 8];

impl Peer<'_> {
    /// The identity the peer has come with last, also if it waits for approval; nothing before the first
    /// session.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.stored.trust.held().or_else(|| self.known_identity())
    }

    /// The number to compare with the peer, which is that of [`identity`](Self::identity).
    ///
    /// # Cost
    /// About 10 ms of hashing.
    #[must_use]
    pub fn safety_number(&self) -> Option<SafetyNumber> {
        let ours = (self.endpoint.address.party(), self.endpoint.identity());
        SafetyNumber::new(ours, (self.address.party(), self.identity()?))
    }

    /// Whether the peer has come with another identity than before, and nothing is sealed for it until that
    /// is [approved](Self::approve).
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.endpoint.identity_policy == IdentityPolicy::Hold && self.stored.trust.held().is_some()
    }

    /// Believes `identity`, which the peer has come with: what waits for it can be sealed, once this is kept.
    /// False when it is not the one that waits: then the peer has come with yet another, or there was nothing
    /// to approve.
    pub fn approve(&mut self, identity: &Identity) -> bool {
        if self.stored.trust.held() != Some(*identity) {
            return false;
        }
        self.stored.trust.approve();
        if self.in_use() == Some(*identity) && !self.stored.trust.is_stale() {
            self.stored.trust.settle();
        }
        true
    }

    /// Says that `installation` of the peer is no more, as the carrier knows. If the session in use is with
    /// it, then that opens what still comes, and nothing is sealed in it, once this is kept.
    pub fn retire_session(&mut self, installation: InstallationId) {
        if self.installation_in_use() == Some(installation) {
            self.stored.trust.set_stale();
        }
    }

    /// What tells the session in use from every other; nothing if there is none.
    #[must_use]
    pub fn session(&self) -> Option<SessionName> {
        let key = self.sessions.base_key()?.as_raw();
        key.first_chunk().copied()
    }

    /// Says that the peer does not open what is sealed in the session in use. It opens what still comes, and
    /// nothing is sealed in it, once this is kept.
    pub fn retire(&mut self) {
        if self.in_use().is_some() {
            self.stored.trust.set_stale();
        }
    }

    /// The installation of the peer that the session in use is with.
    pub(super) fn installation_in_use(&self) -> Option<InstallationId> {
        self.in_use().map(|identity| InstallationId::of_identity(&identity.to_bytes()))
    }

    /// Who is believed to be the peer.
    pub(super) fn known_identity(&self) -> Option<Identity> {
        self.stored.trust.trusted().or_else(|| self.in_use())
    }

    /// Whether the session in use is not with who is believed to be the peer.
    pub(super) fn is_with_another(&self) -> bool {
        let trusted = self.stored.trust.trusted();
        trusted.is_some() && trusted != self.in_use()
    }

    /// Whether a session that is to be begun with `identity` is with another than before; without a session,
    /// than is `known` otherwise.
    ///
    /// # Errors
    /// When that waits for approval.
    pub(super) fn admit_identity(
        &mut self,
        identity: &IdentityKey,
        known: Option<Identity>,
    ) -> Result<bool, SealError> {
        let (identity, Some(known)) = (Identity::new(*identity), self.known_identity().or(known)) else {
            return Ok(false);
        };
        let changed = known != identity;
        if changed && self.endpoint.identity_policy == IdentityPolicy::Hold {
            self.stored.trust.hold(&identity, &known);
            return Err(SealError::IdentityChanged);
        }
        Ok(changed)
    }

    /// Takes note of who has spoken, in a session that `is_new` or not. Whether that is another than who was
    /// known `before`.
    pub(super) fn follow(&mut self, is_new: bool, before: Option<Identity>, spoke: &IdentityKey) -> bool {
        let (spoke, Some(known)) = (Identity::new(*spoke), before) else { return false };
        let (differs, is_held) = (spoke != known, self.stored.trust.held().is_some());
        let holds = self.endpoint.identity_policy == IdentityPolicy::Hold;
        let trust = &mut self.stored.trust;
        match (differs, is_new) {
            (true, true) if holds => trust.hold(&spoke, &known),
            (true, true) => trust.settle(),
            // A late message in a session of before a change: it is opened, and what is sealed goes to who is
            // known all the same.
            (true, false) if !is_held => trust.trust(&known),
            (true, false) => {}
            (false, is_new) if !is_held && (is_new || !trust.is_stale()) => trust.settle(),
            (false, _) => {}
        }
        // Who speaks in an older session was told when that began.
        differs && is_new
    }

    pub(super) fn in_use(&self) -> Option<Identity> {
        self.sessions.peer_identity().copied().map(Identity::new)
    }
}
