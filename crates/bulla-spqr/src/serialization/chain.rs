//! The chains' part of the stored form.

use std::ops::Range;

use super::reader::Reader;
use crate::chain::{Chain, Direction, Link, Links};
use crate::error::StoredError;
use crate::limits::{MAX_EPOCHS, MAX_SKIPPED_KEYS};
use crate::role::Role;
use crate::skipped_keys::Skipped;
use crate::wiped_bytes::Out;

const DIRECTION: usize = 4 + 32;

/// How skipped keys are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// With everything else: the chain says how many there are.
    Whole,
    /// In rows of their own: the chain says between which indices there are any.
    Rows,
}

impl Chain {
    pub(super) fn head_len(&self) -> usize {
        self.links.iter().map(|link| DIRECTION * (1 + usize::from(link.send.is_some())) + 2).sum()
    }

    pub(super) fn skipped_len(&self) -> usize {
        self.links.iter().map(|link| link.skipped.as_bytes().len()).sum()
    }

    pub(super) fn store_head(&self, layout: Layout, out: &mut impl Out) {
        let Self { next_root, links, .. } = self;
        let silent = links.iter().filter(|link| link.send.is_none()).count();
        out.put(next_root.expose());
        out.put(&[links.count().to_le_bytes()[0], silent.to_le_bytes()[0]]);
        for Link { send, receive, skipped } in links.iter() {
            for direction in send.iter().chain([receive]) {
                out.put(&direction.counter.to_be_bytes());
                out.put(direction.next.expose());
            }
            match layout {
                Layout::Whole => {
                    let [low, high, ..] = skipped.len().to_le_bytes();
                    out.put(&[high, low]);
                }
                Layout::Rows => {
                    let bounds = skipped.bounds();
                    out.put(&bounds.start.to_be_bytes());
                    out.put(&bounds.end.to_be_bytes());
                }
            }
        }
    }

    pub(super) fn store_skipped(&self, out: &mut Vec<u8>) {
        self.links.iter().for_each(|link| out.extend_from_slice(link.skipped.as_bytes()));
    }
}

/// Chains as they stand in the first part, their skipped keys still to come, so many for each.
pub(super) struct Heads {
    chain: Chain,
    skipped: [u16; MAX_EPOCHS],
}

impl Heads {
    pub(super) fn read(
        role: Role,
        current: u64,
        layout: Layout,
        from: &mut Reader<'_>,
    ) -> Result<Self, StoredError> {
        let next_root = from.secret("next root")?;
        let (count, silent) = (from.u8("epochs")?, from.u8("epochs")?);
        let impossible = StoredError::Value { field: "epochs" };
        // One sends in the newest epoch or the one before, and keeps the epoch before that for receiving.
        let first = (current + 1).checked_sub(u64::from(count)).ok_or(impossible)?;
        let alive = count.checked_sub(silent).ok_or(impossible)?;
        if silent > 1 || !(1..=2).contains(&alive) || (silent == 0 && first != 0) {
            return Err(impossible);
        }
        let sending = first + u64::from(silent);
        let mut heads = Self {
            chain: Chain { role, next_root, current, sending, links: Links::default(), given_up: Vec::new() },
            skipped: [0; MAX_EPOCHS],
        };
        for (place, counted) in (0..count).zip(&mut heads.skipped) {
            let send = if place < silent { None } else { Some(direction("sending", from)?) };
            let receive = direction("receiving", from)?;
            let skipped = match layout {
                Layout::Whole => {
                    *counted = from.u16("skipped keys")?;
                    Skipped::default()
                }
                Layout::Rows => in_store(receive.counter, from)?,
            };
            heads.chain.links.push(Link { send, receive, skipped });
        }
        Ok(heads)
    }

    pub(super) fn fill(self, from: &mut Reader<'_>) -> Result<Chain, StoredError> {
        let Self { mut chain, skipped } = self;
        for (link, count) in chain.links.iter_mut().zip(skipped) {
            if count != 0 {
                let bytes = from.take("skipped keys", usize::from(count) * Skipped::ENTRY)?;
                link.skipped = Skipped::from_bytes(bytes, &window(link.receive.counter))
                    .ok_or(StoredError::Value { field: "skipped keys" })?;
            }
        }
        Ok(chain)
    }
}

/// Where a chain that stands at `counter` keeps keys; indices start at one.
fn window(counter: u32) -> Range<u32> {
    counter.saturating_sub(MAX_SKIPPED_KEYS).max(1)..counter
}

/// The keys in rows of their own; what has none says so by two zeros.
fn in_store(counter: u32, from: &mut Reader<'_>) -> Result<Skipped, StoredError> {
    let bounds = from.u32("skipped keys")?..from.u32("skipped keys")?;
    let window = window(counter);
    let possible = bounds.start < bounds.end && window.start <= bounds.start && bounds.end <= window.end;
    if !possible && bounds != (0..0) {
        return Err(StoredError::Value { field: "skipped keys" });
    }
    Ok(Skipped::in_store(bounds))
}

fn direction(field: &'static str, from: &mut Reader<'_>) -> Result<Direction, StoredError> {
    Ok(Direction { counter: from.u32(field)?, next: from.secret(field)? })
}
