//! The chains' part of the stored form.

use super::reader::Reader;
use crate::chain::{Chain, Direction, Link, Links, SkippedKeys};
use crate::error::StoredError;
use crate::limits::EPOCHS;
use crate::role::Role;
use crate::secret::Secret;

const DIRECTION: usize = 4 + 32;

impl Chain {
    pub(super) fn hot_len(&self) -> usize {
        self.links.iter().map(|link| DIRECTION * (1 + usize::from(link.send.is_some())) + 2).sum()
    }

    pub(super) fn skipped_len(&self) -> usize {
        self.links.iter().map(|link| link.skipped.as_bytes().len()).sum()
    }

    pub(super) fn store_hot(&self, out: &mut Vec<u8>) {
        let Self { role: _, next_root, current: _, sending: _, links } = self;
        out.extend_from_slice(next_root.expose());
        out.push(links.count().to_le_bytes()[0]);
        out.push(links.iter().filter(|link| link.send.is_none()).count().to_le_bytes()[0]);
        for Link { send, receive, skipped } in links.iter() {
            for direction in send.iter().chain([receive]) {
                out.extend_from_slice(&direction.counter.to_be_bytes());
                out.extend_from_slice(direction.next.expose());
            }
            let [low, high, ..] = skipped.len().to_le_bytes();
            out.extend_from_slice(&[high, low]);
        }
    }

    pub(super) fn store_skipped(&self, out: &mut Vec<u8>) {
        self.links.iter().for_each(|link| out.extend_from_slice(link.skipped.as_bytes()));
    }
}

/// Chains as they stand in the first part, their skipped keys still to come.
pub(super) struct Heads {
    role: Role,
    next_root: Secret<32>,
    current: u64,
    sending: u64,
    links: [Option<(Link, usize)>; EPOCHS],
}

impl Heads {
    pub(super) fn read(role: Role, current: u64, from: &mut Reader<'_>) -> Result<Self, StoredError> {
        let next_root = from.secret("next root")?;
        let (count, silent) = (from.u8("epochs")?, from.u8("epochs")?);
        let impossible = StoredError::Value { field: "epochs" };
        // One sends in the newest epoch or the one before, and keeps the epoch before that for receiving.
        let first = (current + 1).checked_sub(u64::from(count)).ok_or(impossible)?;
        let alive = count.checked_sub(silent).ok_or(impossible)?;
        if silent > 1 || !(1..=2).contains(&alive) || (silent == 0 && first != 0) {
            return Err(impossible);
        }
        let mut links = [const { None }; EPOCHS];
        for (place, slot) in links.iter_mut().take(usize::from(count)).enumerate() {
            let send = if place < usize::from(silent) { None } else { Some(direction("sending", from)?) };
            let receive = direction("receiving", from)?;
            let skipped = usize::from(from.u16("skipped keys")?);
            *slot = Some((Link { send, receive, skipped: SkippedKeys::default() }, skipped));
        }
        Ok(Self { role, next_root, current, sending: first + u64::from(silent), links })
    }

    pub(super) fn fill(self, from: &mut Reader<'_>) -> Result<Chain, StoredError> {
        let Self { role, next_root, current, sending, links: heads } = self;
        let mut links = Links::default();
        for (mut link, count) in heads.into_iter().flatten() {
            let bytes = from.take("skipped keys", count * SkippedKeys::ENTRY)?;
            link.skipped = SkippedKeys::from_bytes(bytes, link.receive.counter)
                .ok_or(StoredError::Value { field: "skipped keys" })?;
            links.push(link);
        }
        Ok(Chain { role, next_root, current, sending, links })
    }
}

fn direction(field: &'static str, from: &mut Reader<'_>) -> Result<Direction, StoredError> {
    Ok(Direction { counter: from.u32(field)?, next: from.secret(field)? })
}
