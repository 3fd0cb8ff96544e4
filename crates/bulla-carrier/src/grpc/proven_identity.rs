use std::fmt;
use std::sync::Arc;

use bulla_base::{Clock, Rng, Timestamp};
use bulla_envelope::InstallationId;
use bulla_transport::grpc::{CREDENTIAL_METADATA, ChannelBinding, IdentityProof, proto};
use bulla_transport::{Caller, IdentityProblem, TransportError};
use zeroize::Zeroizing;

use super::authenticator::Admission;
use super::limits::{CREDENTIAL_LIFETIME, NONCE_LIFETIME};
use super::mac_key::{MacKey, is_same};
use super::{Authenticator, ClientConnection, RequestContext};
use crate::metrics::{PROVEN, UNAUTHENTICATED};
use crate::trace_span;

/// Lets those speak who have proved on their connection that they hold the identity key of the installation
/// they name.
///
/// A client asks for a nonce, signs it together with what is the connection's own and who it is, and gets a
/// credential for its calls on that connection. Nonces and credentials are marked with a key that is drawn at
/// each start: nothing is stored for them, but which nonces of a connection were used, and after a restart
/// everybody proves who they are anew. Clients do so by themselves.
///
/// # Security
/// A nonce is good once, for a minute, on the connection on which it was given; a credential for an hour, for
/// one address and installation, on that connection. Somebody in between, also with a certificate that the
/// client trusts, has two connections, and a proof made for one is none on the other. What is refused is
/// counted by `bulla_carrier_unauthenticated_total`, by kind.
pub struct ProvenIdentity {
    key: MacKey,
    clock: Arc<dyn Clock>,
    takes_plain: bool,
}

/// A nonce: number (u64) ‖ end (milliseconds, u64) ‖ connection (16 bytes) ‖ mark (32 bytes).
const NONCE_BYTES: usize = 64;
/// A credential: end (milliseconds, u64) ‖ connection (16 bytes) ‖ caller (16 bytes) ‖ mark (32 bytes).
const CREDENTIAL_BYTES: usize = 72;

impl ProvenIdentity {
    /// With a key that is drawn of `rng`, at the times of `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, rng: &dyn Rng) -> Self {
        Self { key: MacKey::draw(rng), clock, takes_plain: false }
    }

    /// The same, which also takes proofs over connections without TLS.
    ///
    /// # Security
    /// Such a proof is bound to no connection: whoever stands in between takes the connection over when it is
    /// made, and speaks as who has made it. For tests, and for a network that is protected by something else.
    #[must_use]
    pub fn with_plain_connections(mut self) -> Self {
        self.takes_plain = true;
        self
    }

    fn connection<'a>(&self, request: &'a RequestContext) -> Result<&'a ClientConnection, IdentityProblem> {
        let connection = request.connection();
        if connection.is_none() {
            tracing::error!("the server does not say on which connection a request came");
        }
        connection.ok_or(IdentityProblem::Binding)
    }

    fn tag_of_connection(&self, connection: &ClientConnection) -> [u8; 16] {
        self.key.tag("connection", &[&connection.number().to_be_bytes()])
    }

    fn tag_of_caller(&self, caller: &Caller) -> [u8; 16] {
        self.key.tag("caller", &[caller.installation().as_bytes(), &caller.address().to_bytes()])
    }

    fn is_over(&self, end: [u8; 8]) -> bool {
        self.clock.now() >= Timestamp::from_millis(u64::from_be_bytes(end))
    }

    fn nonce(&self, connection: &ClientConnection) -> [u8; NONCE_BYTES] {
        let end = self.clock.now().after(NONCE_LIFETIME).as_millis();
        let mut nonce = [0; NONCE_BYTES];
        let (parts, mark) = nonce.split_at_mut(32);
        parts[..8].copy_from_slice(&connection.nonces().give().to_be_bytes());
        parts[8..16].copy_from_slice(&end.to_be_bytes());
        parts[16..].copy_from_slice(&self.tag_of_connection(connection));
        mark.copy_from_slice(&self.key.mark("nonce", &[parts]));
        nonce
    }

    /// Uses a nonce.
    fn take(&self, connection: &ClientConnection, nonce: &[u8]) -> Result<(), IdentityProblem> {
        let nonce = <&[u8; NONCE_BYTES]>::try_from(nonce).map_err(|_| IdentityProblem::Unknown)?;
        let (parts, mark) = nonce.split_at(32);
        if !is_same(mark, &self.key.mark("nonce", &[parts])) {
            return Err(IdentityProblem::Unknown);
        }
        let (number, rest) = parts.split_first_chunk::<8>().ok_or(IdentityProblem::Unknown)?;
        let (end, given_on) = rest.split_first_chunk::<8>().ok_or(IdentityProblem::Unknown)?;
        if !is_same(given_on, &self.tag_of_connection(connection)) {
            return Err(IdentityProblem::OtherConnection);
        }
        if self.is_over(*end) {
            return Err(IdentityProblem::Expired);
        }
        connection.nonces().take(u64::from_be_bytes(*number))
    }

    fn check(
        &self,
        request: &RequestContext,
        proof: &IdentityProof,
    ) -> Result<ClientConnection, IdentityProblem> {
        let connection = self.connection(request)?;
        // Before anything else of it is looked at: a nonce is no more good for a second guess.
        self.take(connection, &proof.nonce)?;
        if InstallationId::of_identity(&proof.identity_key) != proof.caller.installation() {
            return Err(IdentityProblem::OtherKey);
        }
        let Some((&KEY_TYPE, public)) = proof.identity_key.split_first() else {
            return Err(IdentityProblem::OtherKey);
        };
        let public = public.try_into().map_err(|_| IdentityProblem::OtherKey)?;
        let good = |binding: &&ChannelBinding| {
            binding.kind() == proof.binding && (self.takes_plain || **binding != ChannelBinding::None)
        };
        let mut bindings = connection.bindings().iter().filter(good).peekable();
        if bindings.peek().is_none() {
            return Err(IdentityProblem::Binding);
        }
        let is_signed = |binding: &ChannelBinding| {
            let statement = IdentityProof::statement(&proof.nonce, binding, &proof.caller);
            statement.is_ok_and(|statement| bulla_xeddsa::verify(public, &[&statement], &proof.signature))
        };
        if !bindings.any(is_signed) {
            return Err(IdentityProblem::Signature);
        }
        Ok(connection.clone())
    }

    pub(super) fn credential(&self, connection: &ClientConnection, caller: &Caller) -> proto::Credential {
        let end = self.clock.now().after(CREDENTIAL_LIFETIME).as_millis();
        let mut token = Zeroizing::new([0; CREDENTIAL_BYTES]);
        let (parts, mark) = token.split_at_mut(40);
        parts[..8].copy_from_slice(&end.to_be_bytes());
        parts[8..24].copy_from_slice(&self.tag_of_connection(connection));
        parts[24..].copy_from_slice(&self.tag_of_caller(caller));
        mark.copy_from_slice(&self.key.mark("credential", &[parts]));
        let seconds = u32::try_from(CREDENTIAL_LIFETIME.as_secs()).unwrap_or(u32::MAX);
        proto::Credential { token: token.to_vec().into(), seconds }
    }

    /// Whether the request has a credential that is good for `caller`, here and now.
    fn admit(&self, request: &RequestContext, caller: &Caller) -> Result<(), IdentityProblem> {
        let connection = self.connection(request)?;
        let value = request.metadata().get_bin(CREDENTIAL_METADATA).ok_or(IdentityProblem::Missing)?;
        let token = value.to_bytes().map_err(|_| IdentityProblem::Unknown)?;
        let token = <&[u8; CREDENTIAL_BYTES]>::try_from(&token[..]).map_err(|_| IdentityProblem::Unknown)?;
        let (parts, mark) = token.split_at(40);
        if !is_same(mark, &self.key.mark("credential", &[parts])) {
            return Err(IdentityProblem::Unknown);
        }
        let (end, tags) = parts.split_first_chunk::<8>().ok_or(IdentityProblem::Unknown)?;
        let (given_on, given_to) = tags.split_at(16);
        if !is_same(given_on, &self.tag_of_connection(connection)) {
            return Err(IdentityProblem::OtherConnection);
        }
        if !is_same(given_to, &self.tag_of_caller(caller)) {
            return Err(IdentityProblem::OtherCaller);
        }
        if self.is_over(*end) {
            return Err(IdentityProblem::Expired);
        }
        Ok(())
    }
}

/// The first byte of a serialised Curve25519 key.
const KEY_TYPE: u8 = 0x05;

impl Authenticator for ProvenIdentity {
    fn may_speak<'a>(&'a self, request: &'a RequestContext, caller: &'a Caller) -> Admission<'a> {
        Box::pin(std::future::ready(self.admit(request, caller).map_err(refuse)))
    }

    fn challenge(&self, request: &RequestContext) -> Result<proto::ChallengeResponse, TransportError> {
        let nonce = self.nonce(self.connection(request).map_err(refuse)?).to_vec().into();
        let seconds = u32::try_from(NONCE_LIFETIME.as_secs()).unwrap_or(u32::MAX);
        Ok(proto::ChallengeResponse { nonce, seconds })
    }

    fn prove(
        &self,
        request: &RequestContext,
        proof: &IdentityProof,
    ) -> Result<proto::Credential, TransportError> {
        let connection = self.check(request, proof).map_err(refuse)?;
        metrics::counter!(PROVEN).increment(1);
        Ok(self.credential(&connection, &proof.caller))
    }
}

/// Counts the refusal.
fn refuse(problem: IdentityProblem) -> TransportError {
    metrics::counter!(UNAUTHENTICATED, "kind" => problem.label()).increment(1);
    let refusing = trace_span::for_host("prove identity");
    refusing.in_scope(|| tracing::debug!(kind = problem.label(), "an identity was not proved"));
    TransportError::Unauthenticated { problem }
}

impl fmt::Debug for ProvenIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvenIdentity").field("takes_plain", &self.takes_plain).finish_non_exhaustive()
    }
}
