//! Names of the tree's nodes, and which of them a proof is made of.

use crate::error::{InvalidForm, at_most};
use crate::{MAX_LOG_LEAVES, TreeHash};

/// The name of a complete subtree's root, by which a keeper stores its hash.
///
/// ```text
///   level 2            0                    a node at `level` covers the 2^level leaves
///   level 1      0           1              from index × 2^level on; whoever keeps tiles
///   level 0   0     1     2     3     4     finds the tile from the two numbers
/// ```
///
/// What is not complete has no name: it changes with each leaf, and is put together from what has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    level: u8,
    index: u64,
}

impl NodeId {
    pub(crate) const fn new(level: u8, index: u64) -> Self {
        Self { level, index }
    }

    /// How many levels it stands above the leaves, which are at level 0: at most 62.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.level
    }

    /// Which of its level it is, from the left, counted from 0.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }
}

/// The leaves `from..to`, as far as they are one part of the tree: never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    from: u64,
    to: u64,
}

impl Span {
    /// The complete subtrees it is made of, from the left and largest on.
    pub(crate) fn nodes(self) -> impl Iterator<Item = NodeId> {
        let mut from = self.from;
        std::iter::from_fn(move || {
            let level = u8::try_from((self.to - from).checked_ilog2()?).ok()?;
            let node = NodeId::new(level, from >> level);
            from += 1 << level;
            Some(node)
        })
    }

    /// Its hash, from those of its nodes.
    fn hash(hashes: &[TreeHash]) -> Option<TreeHash> {
        let (last, before) = hashes.split_last()?;
        Some(before.iter().rev().fold(*last, |right, left| TreeHash::of_node(left, &right)))
    }
}

/// The part that all of `size` leaves are, if there are any.
pub(crate) fn whole_spans(size: u64) -> Vec<Span> {
    if size == 0 { Vec::new() } else { vec![Span { from: 0, to: size }] }
}

/// The parts beside the way from leaf `index` up to the root of `size` leaves (RFC 9162, section 2.1.3.1).
pub(crate) fn inclusion_spans(index: u64, size: u64) -> Vec<Span> {
    let (mut from, mut to, mut spans) = (0, size, Vec::new());
    while to - from > 1 {
        let middle = from + left_of(to - from);
        if index < middle {
            spans.push(Span { from: middle, to });
            to = middle;
        } else {
            spans.push(Span { from, to: middle });
            from = middle;
        }
    }
    spans.reverse();
    spans
}

/// The parts from which both roots follow, that of the first `old` leaves and that of all `new` (RFC 9162,
/// section 2.1.4.1). None if one of them is empty, or both are the same.
pub(crate) fn consistency_spans(old: u64, new: u64) -> Vec<Span> {
    let (mut from, mut to, mut spans) = (0, new, Vec::new());
    if old == 0 {
        return spans;
    }
    while old < to {
        let middle = from + left_of(to - from);
        if old <= middle {
            spans.push(Span { from: middle, to });
            to = middle;
        } else {
            spans.push(Span { from, to: middle });
            from = middle;
        }
    }
    // The whole old tree is known to who has its root.
    if from > 0 {
        spans.push(Span { from, to });
    }
    spans.reverse();
    spans
}

/// How many leaves of `size` stand on the left of the root: the largest power of two below it.
const fn left_of(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The nodes of all `spans`, in their order.
pub(crate) fn nodes(spans: &[Span]) -> Vec<NodeId> {
    spans.iter().flat_map(|span| span.nodes()).collect()
}

/// The hash of each of `spans`, from those of their nodes in their order.
pub(crate) fn hashes(spans: &[Span], nodes: &[TreeHash]) -> Result<Vec<TreeHash>, InvalidForm> {
    let expected = spans.iter().map(|span| span.nodes().count()).sum();
    let wrong = InvalidForm::Length { field: "nodes of the proof", expected, actual: nodes.len() };
    let (mut rest, mut hashes) = (nodes, Vec::with_capacity(spans.len()));
    for span in spans {
        let (of_span, behind) = rest.split_at_checked(span.nodes().count()).ok_or_else(|| wrong.clone())?;
        hashes.push(Span::hash(of_span).ok_or_else(|| wrong.clone())?);
        rest = behind;
    }
    if rest.is_empty() { Ok(hashes) } else { Err(wrong) }
}

/// Whether a log may have so many leaves.
pub(crate) fn check_size(field: &'static str, size: u64) -> Result<u64, InvalidForm> {
    at_most(field, MAX_LOG_LEAVES, size)
}
