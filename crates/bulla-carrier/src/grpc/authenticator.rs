use bulla_transport::Caller;
use tonic::metadata::MetadataMap;

use crate::Verdict;

/// Decides whether who has sent a request may speak as the caller that it names.
///
/// It is asked at every call and when a stream is opened, before the carrier is. Whether the number is the
/// caller's is another question, which the carrier puts to its [`NumberVerifier`](crate::NumberVerifier) when
/// the number is registered; whether the installation has been replaced, the carrier knows itself.
///
/// # Security
/// The wire form has no proof of identity yet: nothing in a request shows that its sender holds the identity
/// key of the installation it names. Until it has, all that keeps one party from speaking as another is what
/// an implementation of this finds in the metadata: a token the host has given out, say. Over a connection
/// without TLS that can be read and repeated by whoever stands in between.
pub trait Authenticator: Send + Sync + 'static {
    /// Whether a request with this `metadata` may speak as `caller`. `Err` if that cannot be told now: then
    /// the request is to be repeated.
    fn may_speak<'a>(&'a self, metadata: &'a MetadataMap, caller: &'a Caller) -> Verdict<'a>;
}

/// Lets everybody speak as whoever they say they are: for tests, and for a network in which nobody is who
/// should not be.
///
/// # Security
/// Whoever reaches the port can receive, acknowledge and send as any device and any business whose
/// installation they can name.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing inside, and never will")]
pub struct TrustedNetwork;

impl Authenticator for TrustedNetwork {
    fn may_speak<'a>(&'a self, _: &'a MetadataMap, _: &'a Caller) -> Verdict<'a> {
        Box::pin(std::future::ready(Ok(true)))
    }
}
