use std::pin::Pin;

use bulla_transport::grpc::{IdentityProof, proto};
use bulla_transport::{Caller, IdentityProblem, TransportError};

use super::RequestContext;

/// What an [`Authenticator`] comes to.
pub type Admission<'a> = Pin<Box<dyn Future<Output = Result<(), TransportError>> + Send + 'a>>;

/// Decides whether who has sent a request may speak as the caller that it names.
///
/// It is asked at every call and when a stream is opened, before the carrier is. Whether the number is the
/// caller's is another question, which the carrier puts to its [`NumberVerifier`](crate::NumberVerifier) when
/// the number is registered; whether the installation has been replaced, the carrier knows itself.
///
/// [`ProvenIdentity`](super::ProvenIdentity) is the one that is meant for a network.
///
/// # For implementors
/// One that is not about identity keys, but about a token of the host's say, needs no more than
/// [`may_speak`](Self::may_speak): clients are told then that they need not prove anything. Over a connection
/// without TLS such a token can be read and repeated by whoever stands in between.
pub trait Authenticator: Send + Sync + 'static {
    /// Whether `request` may speak as `caller`.
    ///
    /// # Errors
    /// [`TransportError::Unauthenticated`] if it may not; [`TransportError::Unavailable`] if that cannot be
    /// told now, and the request is to be repeated.
    fn may_speak<'a>(&'a self, request: &'a RequestContext, caller: &'a Caller) -> Admission<'a>;

    /// What is to be signed to prove on the request's connection who one is. With an empty nonce, as unless
    /// it is written, nothing is.
    ///
    /// # Errors
    /// When nothing can be proved there.
    fn challenge(&self, request: &RequestContext) -> Result<proto::ChallengeResponse, TransportError> {
        let _ = request;
        Ok(proto::ChallengeResponse::default())
    }

    /// What goes with the calls of who has proved on the request's connection who they are.
    ///
    /// # Errors
    /// [`TransportError::Unauthenticated`] if they have not.
    fn prove(
        &self,
        request: &RequestContext,
        proof: &IdentityProof,
    ) -> Result<proto::Credential, TransportError> {
        let _ = (request, proof);
        Err(TransportError::Unauthenticated { problem: IdentityProblem::Unknown })
    }
}

/// Lets everybody speak as whoever they say they are: for tests, and for a network in which nobody is who
/// should not be.
///
/// # Security
/// Whoever reaches the port can receive, acknowledge and send as any device and any business whose
/// installation they can name.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing inside, and never will")]
pub struct NoAuthentication;

impl Authenticator for NoAuthentication {
    fn may_speak<'a>(&'a self, _: &'a RequestContext, _: &'a Caller) -> Admission<'a> {
        Box::pin(std::future::ready(Ok(())))
    }
}
