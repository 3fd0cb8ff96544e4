//! Key chains: for every epoch one in each direction, from which every message takes a key.

mod epoch_chains;

pub(crate) use epoch_chains::{Direction, Link, Links};

use crate::error::{ReceiveError, SendError};
use crate::kdf::{Keyed, UNSALTED, derived};
use crate::limits::{MAX_SKIP, MAX_SKIPPED_KEYS};
use crate::role::Role;
use crate::secret::Secret;
use crate::skipped_keys::{Found, Skipped};

/// The chains of the epochs that are alive.
pub(crate) struct Chain {
    pub(crate) role: Role,
    pub(crate) next_root: Secret<32>,
    /// The newest epoch there are chains of.
    pub(crate) current: u64,
    /// The epoch whose chain was last sent on.
    pub(crate) sending: u64,
    /// Of consecutive epochs, the last of them current.
    pub(crate) links: Links,
    /// Rows of keys of epochs that were given up, each an epoch and an index.
    pub(crate) given_up: Vec<(u64, u32)>,
}

/// What a chain becomes when a message has proved genuine.
pub(crate) enum Change {
    /// A skipped key is used up.
    Overtaken { epoch: u64, index: u32 },
    /// The chain moves forward.
    Advanced { epoch: u64, receive: Direction, skipped: Skipped },
}

/// What a chain becomes by a message being sent.
pub(crate) struct Sending {
    epoch: u64,
    send: Direction,
    key: Secret<32>,
}

impl Chain {
    /// The chains of epoch 0, before the first exchange.
    pub(crate) fn new(role: Role, auth_key: &[u8; 32]) -> Self {
        let all: Secret<96> = derived(&UNSALTED, auth_key, &[b"Signal PQ Ratchet V1 Chain  Start"]);
        let (next_root, link) = split(role, &all);
        let mut links = Links::default();
        links.push(link);
        Self { role, next_root, current: 0, sending: 0, links, given_up: Vec::new() }
    }

    /// Adds the chains of the next epoch.
    pub(crate) fn add(&mut self, secret: &Secret<32>) {
        let info = [b"Signal PQ Ratchet V1 Chain Add Epoch".as_slice()];
        let all: Secret<96> = derived(&Keyed::new(self.next_root.expose()), secret.expose(), &info);
        let (next_root, link) = split(self.role, &all);
        self.next_root = next_root;
        // A party that only receives gives up nothing in `sent`, and its peer shall not fill our memory.
        if self.links.is_full() {
            self.give_up_oldest();
        }
        self.links.push(link);
        self.current += 1;
    }

    /// The key for the next message in `epoch`. Nothing changes yet.
    pub(crate) fn try_send(&self, epoch: u64) -> Result<Sending, SendError> {
        let link = self.place(epoch).and_then(|place| self.links.at(place));
        let send = link.and_then(|link| link.send.as_ref()).ok_or(SendError::Exhausted)?;
        let (send, key) = send.step().ok_or(SendError::Exhausted)?;
        Ok(Sending { epoch, send, key })
    }

    /// Takes the step, and gives up what a party that sends in this epoch needs no more.
    pub(crate) fn sent(&mut self, sending: Sending) -> (u32, Secret<32>) {
        let Sending { epoch, send, key } = sending;
        if epoch > self.sending {
            self.sending = epoch;
            // The epoch before this one stays: the peer's messages in it may still be under way.
            while self.oldest() + 1 < epoch {
                self.give_up_oldest();
            }
            let older = usize::try_from(epoch - self.oldest()).unwrap_or(0);
            // Nobody sends in an older epoch again, and what is gone cannot be stolen.
            self.links.iter_mut().take(older).for_each(|link| link.send = None);
        }
        let index = send.counter;
        if let Some(link) = self.place(epoch).and_then(|place| self.links.at_mut(place)) {
            link.send = Some(send);
        }
        (index, key)
    }

    /// The key for a message of the peer's, and what taking it changes.
    pub(crate) fn receive(&self, epoch: u64, index: u32) -> Result<(Secret<32>, Change), ReceiveError> {
        let past = ReceiveError::Past { epoch, oldest: self.oldest() };
        // An epoch that has not begun does not get here: the exchange has refused it.
        let link = self.place(epoch).and_then(|place| self.links.at(place)).ok_or(past)?;
        let counter = link.receive.counter;
        let used_up = ReceiveError::UsedUp { index, counter };
        // The counter is the last index that was given, and not the next.
        let Some(jump) = index.checked_sub(counter).filter(|jump| *jump > 0) else {
            return match link.skipped.find(index) {
                Found::Secret(key) => Ok((key, Change::Overtaken { epoch, index })),
                Found::Nothing => Err(used_up),
                Found::NotLoaded => Err(ReceiveError::NotLoaded { epoch, index }),
            };
        };
        // Before a key is derived: nobody knows yet whose message it is.
        if jump > MAX_SKIP {
            return Err(ReceiveError::TooFarAhead { index, counter, limit: MAX_SKIP });
        }
        // Room for all at once: a buffer that grows leaves keys behind.
        let mut skipped = Skipped::with_capacity(jump - 1);
        let (mut receive, mut key) = link.receive.step().ok_or(used_up)?;
        while receive.counter < index {
            // A jump may be longer than what is kept: the oldest of it are never stored.
            if index - receive.counter <= MAX_SKIPPED_KEYS {
                skipped.push(receive.counter, key.expose());
            }
            (receive, key) = receive.step().ok_or(used_up)?;
        }
        Ok((key, Change::Advanced { epoch, receive, skipped }))
    }

    pub(crate) fn accept(&mut self, change: Change) {
        match change {
            Change::Overtaken { epoch, index } => {
                if let Some(link) = self.place(epoch).and_then(|place| self.links.at_mut(place)) {
                    link.skipped.remove(index);
                }
            }
            Change::Advanced { epoch, receive, skipped } => {
                if let Some(link) = self.place(epoch).and_then(|place| self.links.at_mut(place)) {
                    link.skipped.append(skipped, receive.counter);
                    link.receive = receive;
                }
            }
        }
    }

    /// The oldest epoch there are chains of.
    pub(crate) fn oldest(&self) -> u64 {
        // There is always one link, and never more than epochs have begun.
        (self.current + 1).saturating_sub(self.links.count() as u64)
    }

    /// The chains of an epoch, if they are alive.
    pub(crate) fn link_mut(&mut self, epoch: u64) -> Option<&mut Link> {
        self.place(epoch).and_then(|place| self.links.at_mut(place))
    }

    fn give_up_oldest(&mut self) {
        let epoch = self.oldest();
        if let Some(link) = self.links.take_oldest() {
            self.given_up.extend(link.skipped.rows().map(|index| (epoch, index)));
        }
    }

    fn place(&self, epoch: u64) -> Option<usize> {
        usize::try_from(epoch.checked_sub(self.oldest())?).ok()
    }
}

/// Next root, and one chain for each direction.
fn split(role: Role, all: &Secret<96>) -> (Secret<32>, Link) {
    let (root, chains) = all.expose().split_at(32);
    let (from_initiator, from_responder) = chains.split_at(32);
    let (send, receive) = match role {
        Role::Initiator => (from_initiator, from_responder),
        Role::Responder => (from_responder, from_initiator),
    };
    let (send, receive) = (Direction::new(send), Direction::new(receive));
    (Secret::copied(root), Link { send: Some(send), receive, skipped: Skipped::default() })
}

#[cfg(test)]
mod tests;
