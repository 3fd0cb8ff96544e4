use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::Partition;
use bulla_store::{BEFORE_ALL, Key, Scan, Store, StoreError};
use bytes::Bytes;

use crate::SubmitError;
use crate::limits::{MAX_BLOCKED, MAX_BLOCKED_LISTED};
use crate::store_layout::GATE;

/// Who passes between a business and its users: in memory, as the rows say, since each message asks.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<Closed>);

#[derive(Debug, Default)]
struct Closed {
    blocked: BTreeSet<Partition>,
    /// For how many more there is a place, who are about to be blocked.
    reserved: usize,
    is_deregistered: bool,
}

/// A place for one user more, until it is dropped.
pub(super) struct Place<'a>(&'a Gate);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.closed().reserved -= 1;
    }
}

impl Gate {
    /// As the rows in the partition of the business have it.
    pub(super) async fn read(store: &impl Store, home: Partition) -> Result<Self, StoreError> {
        let (mut closed, mut scan) = (Closed::default(), Scan::undated(GATE).limit(MAX_BLOCKED_LISTED));
        loop {
            let keys = store.keys(home, &scan, BEFORE_ALL).await?;
            for key in &keys {
                match user_of(key)? {
                    Some(user) => drop(closed.blocked.insert(user)),
                    None => closed.is_deregistered = true,
                }
            }
            match keys.into_iter().last() {
                Some(last) => scan = scan.after(last),
                None => return Ok(Self(Mutex::new(closed))),
            }
        }
    }

    /// Refuses what is sent to `user`, if it does not pass.
    pub(super) fn check(&self, user: Partition) -> Result<(), SubmitError> {
        let closed = self.closed();
        match (closed.is_deregistered, closed.blocked.contains(&user)) {
            (true, _) => Err(SubmitError::Deregistered),
            (false, true) => Err(SubmitError::Blocked),
            (false, false) => Ok(()),
        }
    }

    pub(super) fn is_blocked(&self, user: Partition) -> bool {
        self.closed().blocked.contains(&user)
    }

    pub(super) fn is_registered(&self) -> bool {
        !self.closed().is_deregistered
    }

    /// A place for one user more to be blocked, if there is one.
    pub(super) fn reserve(&self) -> Option<Place<'_>> {
        let mut closed = self.closed();
        (closed.blocked.len() + closed.reserved < MAX_BLOCKED).then(|| {
            closed.reserved += 1;
            Place(self)
        })
    }

    pub(super) fn set_blocked(&self, user: Partition, is_blocked: bool) {
        let mut closed = self.closed();
        let _was_so = match is_blocked {
            true => closed.blocked.insert(user),
            false => closed.blocked.remove(&user),
        };
    }

    pub(super) fn set_registered(&self, is_registered: bool) {
        self.closed().is_deregistered = !is_registered;
    }

    fn closed(&self) -> MutexGuard<'_, Closed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The row that says that `user` is blocked.
pub(super) fn blocked_key(user: Partition) -> Key {
    Key::undated(GATE, user.as_bytes().to_vec())
}

/// The row that says that the number is not registered.
pub(super) fn deregistered_key() -> Key {
    Key::undated(GATE, Bytes::new())
}

/// Whom a row is about; nothing when it is about the number itself.
pub(super) fn user_of(key: &Key) -> Result<Option<Partition>, StoreError> {
    if key.name().is_empty() {
        return Ok(None);
    }
    let user = key.name()[..].try_into().map_err(|_| StoreError::Damaged { what: "blocked user" })?;
    Ok(Some(Partition::from_bytes(user)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_blocked_does_not_pass_and_nobody_does_while_the_number_is_not_registered() {
        let (gate, [ann, bob]) = (Gate::default(), [1, 2].map(|byte| Partition::from_bytes([byte; 16])));
        gate.set_blocked(ann, true);
        assert!(matches!(gate.check(ann), Err(SubmitError::Blocked)));
        assert!(gate.check(bob).is_ok() && gate.is_registered());
        gate.set_registered(false);
        assert!(matches!(gate.check(bob), Err(SubmitError::Deregistered)));
        gate.set_registered(true);
        gate.set_blocked(ann, false);
        assert!(gate.check(ann).is_ok() && !gate.is_blocked(ann));
    }

    #[test]
    fn the_most_that_may_be_are_blocked_and_one_more_has_no_room() {
        let gate = Gate::default();
        for count in 1..MAX_BLOCKED as u128 {
            gate.set_blocked(Partition::from_bytes(count.to_be_bytes()), true);
        }
        let last = gate.reserve().expect("one place is left");
        assert!(gate.reserve().is_none(), "it is taken by somebody who is about to be blocked");
        drop(last);
        assert!(gate.reserve().is_some(), "who was not blocked after all gives it back");
        gate.set_blocked(Partition::from_bytes([0; 16]), true);
        assert!(gate.reserve().is_none());
    }
}
