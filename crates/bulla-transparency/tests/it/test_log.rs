//! A log in memory, and what is made of it.

use std::collections::HashMap;

use bulla_base::PhoneNumberId;
use bulla_transparency::{
    CompactRange, ConsistencyProof, Head, IdentityKey, InclusionProof, KeyStatement, LogSigner, NodeId,
    Origin, SignedCheckpoint, TreeHash,
};

#[derive(Default, Clone)]
pub(crate) struct TestLog {
    pub(crate) range: CompactRange,
    pub(crate) stored: HashMap<NodeId, TreeHash>,
    pub(crate) leaves: Vec<Vec<u8>>,
}

impl TestLog {
    /// Of so many leaves, each of which is its number.
    pub(crate) fn of(size: u64) -> Self {
        let mut log = Self::default();
        (0..size).for_each(|number| log.append(&number.to_be_bytes()));
        log
    }

    pub(crate) fn append(&mut self, leaf: &[u8]) {
        self.stored.extend(self.range.append(TreeHash::of_leaf(leaf)).unwrap());
        self.leaves.push(leaf.to_vec());
    }

    pub(crate) fn leaf(&self, index: u64) -> TreeHash {
        TreeHash::of_leaf(&self.leaves[usize::try_from(index).unwrap()])
    }

    /// The head that it had at that size.
    pub(crate) fn head(&self, size: u64) -> Head {
        let mut range = CompactRange::new();
        (0..size).for_each(|index| drop(range.append(self.leaf(index)).unwrap()));
        range.head()
    }

    pub(crate) fn inclusion(&self, index: u64, size: u64) -> InclusionProof {
        let nodes = self.read(&InclusionProof::nodes(index, size).unwrap());
        InclusionProof::from_nodes(index, size, &nodes).unwrap()
    }

    pub(crate) fn consistency(&self, old: u64, new: u64) -> ConsistencyProof {
        let nodes = self.read(&ConsistencyProof::nodes(old, new).unwrap());
        ConsistencyProof::from_nodes(old, new, &nodes).unwrap()
    }

    pub(crate) fn read(&self, nodes: &[NodeId]) -> Vec<TreeHash> {
        nodes.iter().map(|node| self.stored[node]).collect()
    }

    pub(crate) fn signed(&self, size: u64) -> SignedCheckpoint {
        signer().sign(&self.head(size))
    }
}

/// The keeper's key.
pub(crate) fn signer() -> LogSigner {
    LogSigner::from_seed(origin(), &[7; 32])
}

pub(crate) fn origin() -> Origin {
    Origin::parse("carrier.example/keys").unwrap()
}

pub(crate) fn key(byte: u8) -> IdentityKey {
    IdentityKey::from_bytes(&[&[5][..], &[byte; 32]].concat()).unwrap()
}

/// The first statement of a business.
pub(crate) fn statement(business: u64, byte: u8) -> KeyStatement {
    KeyStatement::first(PhoneNumberId::new(business), key(byte))
}

pub(crate) fn flipped(hash: &TreeHash, bit: usize) -> TreeHash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    TreeHash::from_bytes(bytes)
}
