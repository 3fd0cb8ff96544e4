use std::fmt;
use std::sync::Arc;

use bulla_base::{Address, Clock, Party};
use bulla_transport::{Caller, NumberProof};

use crate::number_grant::{NumberGrant, OperatorPublicKey};
use crate::{NumberVerifier, Verdict};

/// Believes a relay that shows an operator's [grant](NumberGrant) for its business number, and asks another
/// verifier about users.
pub struct GrantVerifier {
    operators: Vec<OperatorPublicKey>,
    clock: Arc<dyn Clock>,
    users: Arc<dyn NumberVerifier>,
}

impl GrantVerifier {
    /// Grants signed by one of `operators` are good, at the times of `clock`; `users` decides whether a
    /// user's number is theirs. Several operators, so that a key can be replaced.
    #[must_use]
    pub fn new(
        operators: impl IntoIterator<Item = OperatorPublicKey>,
        clock: Arc<dyn Clock>,
        users: Arc<dyn NumberVerifier>,
    ) -> Self {
        Self { operators: operators.into_iter().collect(), clock, users }
    }

    fn is_granted(&self, caller: &Caller, proof: &NumberProof) -> bool {
        let Party::Business(number) = caller.address().party() else { return false };
        self.operators
            .iter()
            .filter_map(|operator| NumberGrant::open(proof, operator).ok())
            .any(|grant| grant.is_for(*number, caller.installation(), self.clock.now()))
    }
}

impl NumberVerifier for GrantVerifier {
    /// A business is refused: whether a grant is for it, its caller tells.
    fn verify<'a>(&'a self, address: &'a Address, proof: &'a NumberProof) -> Verdict<'a> {
        match address.party() {
            Party::Business(_) => Box::pin(std::future::ready(Ok(false))),
            _ => self.users.verify(address, proof),
        }
    }

    fn verify_caller<'a>(&'a self, caller: &'a Caller, proof: &'a NumberProof) -> Verdict<'a> {
        match caller.address().party() {
            Party::Business(_) => Box::pin(std::future::ready(Ok(self.is_granted(caller, proof)))),
            _ => self.users.verify_caller(caller, proof),
        }
    }
}

impl fmt::Debug for GrantVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantVerifier").field("operators", &self.operators).finish_non_exhaustive()
    }
}
