//! A carrier that shows the relay another history of its log of keys than the users.

use bulla::transport::{Caller, LogConsistency};
use bulla_base::Party;
use bulla_transparency::{CompactRange, ConsistencyProof, Head, IdentityKey, KeyStatement, NodeId, TreeHash};
use bytes::Bytes;

use super::PlantedBug;
use crate::key_log::signer;
use crate::phone_numbers::BUSINESS;

impl PlantedBug {
    /// The head of the log that `caller` is shown, where the true one is `head`.
    pub(crate) fn log_head(planted_bug: Option<Self>, caller: &Caller, head: Bytes) -> Bytes {
        let Some(size) = head.first_chunk().filter(|_| is_fooled(planted_bug, caller)) else { return head };
        let (range, _) = second_history(u64::from_be_bytes(*size));
        let signer = signer();
        let forged = signer.sign(&range.head()).to_signed_head(signer.public()).unwrap();
        Bytes::copy_from_slice(&forged)
    }

    /// How the log that `caller` is shown grew, where the true one grew as `proven` says.
    pub(crate) fn log_consistency(
        planted_bug: Option<Self>,
        caller: &Caller,
        (old, new): (u64, u64),
        proven: LogConsistency,
    ) -> LogConsistency {
        if !is_fooled(planted_bug, caller) {
            return proven;
        }
        let (_, stored) = second_history(new);
        let read = |nodes: Vec<NodeId>| -> Vec<TreeHash> {
            nodes.iter().map(|node| stored.iter().find(|(other, _)| other == node).unwrap().1).collect()
        };
        let root = *Head::from_nodes(old, &read(Head::nodes(old).unwrap())).unwrap().root();
        let nodes = read(ConsistencyProof::nodes(old, new).unwrap());
        let proof = ConsistencyProof::from_nodes(old, new, &nodes).unwrap();
        LogConsistency::new(root.as_bytes().to_vec(), proof.to_bytes()).unwrap()
    }
}

fn is_fooled(planted_bug: Option<PlantedBug>, caller: &Caller) -> bool {
    planted_bug == Some(PlantedBug::TwoHistories) && matches!(caller.address().party(), Party::Business(_))
}

/// A log of so many leaves, in which the business has another key than it has.
fn second_history(size: u64) -> (CompactRange, Vec<(NodeId, TreeHash)>) {
    let (mut range, mut stored) = (CompactRange::new(), Vec::new());
    let mut statement = KeyStatement::first(BUSINESS, IdentityKey::from_bytes(&[5; 33]).unwrap());
    for _ in 0..size {
        stored.extend(range.append(statement.leaf_hash()).unwrap());
        statement = statement.next(*statement.key()).unwrap();
    }
    (range, stored)
}
