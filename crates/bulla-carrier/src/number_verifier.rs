use std::error::Error;
use std::pin::Pin;

use bulla_base::Address;
use bulla_transport::{Caller, NumberProof};

/// What a verifier comes to: whether the number is the caller's, or why that cannot be told now.
pub type Verdict<'a> = Pin<Box<dyn Future<Output = Result<bool, Box<dyn Error + Send + Sync>>> + Send + 'a>>;

/// Decides whether somebody who registers a number has proven that it is theirs, for instance with a code
/// that was sent there.
///
/// It is asked when a number is registered: the first time, and again when a party has lost its store and
/// comes in with a new identity. Who connects with the identity that was registered is not asked for it
/// again.
///
/// # For implementors
/// Whoever is believed speaks for the number from then on, and shuts out who did before. The proof is the
/// caller's word; after [`MAX_ATTEMPTS`](crate::MAX_ATTEMPTS) that were none the carrier asks
/// about a number no more for a while. A carrier that does not know a number (any more) asks with
/// an [empty proof](NumberProof::none) when somebody connects with it.
pub trait NumberVerifier: Send + Sync + 'static {
    /// Whether `proof` proves that `address` is the caller's.
    fn verify<'a>(&'a self, address: &'a Address, proof: &'a NumberProof) -> Verdict<'a>;

    /// Whether `proof` proves that the address of `caller` is theirs, for who has to know besides which
    /// installation asks. It is what the carrier asks; unless it is written, it is the same.
    fn verify_caller<'a>(&'a self, caller: &'a Caller, proof: &'a NumberProof) -> Verdict<'a> {
        self.verify(caller.address(), proof)
    }
}

/// Believes everybody: for a carrier in the same program, whose host opens relays and devices for the numbers
/// that it has.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing inside, and never will")]
pub struct TrustedHost;

impl NumberVerifier for TrustedHost {
    fn verify<'a>(&'a self, _: &'a Address, _: &'a NumberProof) -> Verdict<'a> {
        Box::pin(std::future::ready(Ok(true)))
    }
}
