use bulla_transparency::{Head, InclusionProof, NodeId, TreeHash};

use crate::error::invalid;
use crate::{BillingProof, InvalidForm, Leaf, MessageTag};

/// The tree of a statement's leaves, in memory: what its issuer makes proofs from.
///
/// # Cost
/// 64 bytes a leaf.
#[derive(Debug, Clone)]
pub struct LeafTree<'a> {
    leaves: &'a [Leaf],
    /// The hashes of all complete nodes, a level each, the leaves' first.
    levels: Vec<Vec<TreeHash>>,
}

impl<'a> LeafTree<'a> {
    /// That of these `leaves`, which are in order.
    #[must_use]
    pub fn new(leaves: &'a [Leaf]) -> Self {
        let mut levels = vec![leaves.iter().map(Leaf::hash).collect::<Vec<_>>()];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let pairs = below.as_chunks().0;
            levels.push(pairs.iter().map(|[left, right]| TreeHash::of_node(left, right)).collect());
        }
        Self { leaves, levels }
    }

    /// How many leaves there are, and their root.
    ///
    /// # Errors
    /// When there are more than a tree can have.
    pub fn head(&self) -> Result<Head, InvalidForm> {
        let size = self.leaves.len() as u64;
        let nodes = Head::nodes(size).map_err(|_| too_many())?;
        Head::from_nodes(size, &self.hashes(&nodes)?).map_err(|_| too_many())
    }

    /// That the message with this tag is billed, and how; `None` if it is not.
    ///
    /// # Errors
    /// When there are more leaves than a tree can have.
    pub fn proof(&self, tag: MessageTag) -> Result<Option<BillingProof>, InvalidForm> {
        let Ok(place) = self.leaves.binary_search_by_key(&tag, |leaf| leaf.tag) else { return Ok(None) };
        let Some(leaf) = self.leaves.get(place) else { return Ok(None) };
        let (index, size) = (place as u64, self.leaves.len() as u64);
        let nodes = InclusionProof::nodes(index, size).map_err(|_| too_many())?;
        let inclusion = InclusionProof::from_nodes(index, size, &self.hashes(&nodes)?);
        Ok(Some(BillingProof::new(*leaf, inclusion.map_err(|_| too_many())?)))
    }

    fn hashes(&self, nodes: &[NodeId]) -> Result<Vec<TreeHash>, InvalidForm> {
        let hash = |node: &NodeId| {
            let level = self.levels.get(usize::from(node.level()))?;
            level.get(usize::try_from(node.index()).ok()?).copied()
        };
        nodes.iter().map(|node| hash(node).ok_or_else(too_many)).collect()
    }
}

const fn too_many() -> InvalidForm {
    invalid("leaves of the statement", "fewer than 2⁶³")
}
