//! Two ratchets and an unreliable carrier.

use std::collections::BTreeSet;

use bulla_spqr::error::ReceiveError;

use crate::test_peer::{Sealed, TestPeer};

/// The most that happens in one exchange.
const EVENTS: usize = 96;

/// The most messages under way.
const UNDER_WAY: usize = 64;

struct Exchange {
    ends: [TestPeer; 2],
    under_way: Vec<(usize, Sealed, bool)>,
    /// Every key a message was sent with.
    keys: BTreeSet<[u8; 32]>,
}

/// Each byte is one event: two bits say what happens, one to whom, five how much of it or to which message.
pub(crate) fn check(bytes: &[u8]) {
    let (alice, bob) = TestPeer::pair();
    let mut exchange = Exchange { ends: [alice, bob], under_way: Vec::new(), keys: BTreeSet::new() };
    for &event in bytes.iter().take(EVENTS) {
        let (who, much) = (usize::from(event >> 5 & 1), usize::from(event & 0x1F));
        match event >> 6 {
            0 => (0..=much).for_each(|_| exchange.send(who)),
            1 => (0..=much).for_each(|_| exchange.deliver(0, false)),
            2 if who == 0 => exchange.deliver(exchange.under_way.len().wrapping_sub(1 + much), false),
            2 => exchange.deliver(much, true),
            _ if who == 0 => exchange.altered(much),
            _ => {
                let left = exchange.under_way.len().saturating_sub(much);
                exchange.under_way.truncate(left);
            }
        }
    }
    exchange.end();
}

impl Exchange {
    fn send(&mut self, who: usize) {
        if self.under_way.len() == UNDER_WAY {
            return;
        }
        let sealed = self.ends[who].send();
        assert!(self.keys.insert(sealed.1), "a key was given out twice");
        self.under_way.push((who, sealed, false));
    }

    /// That keys agree, and that a refused message leaves no trace, is checked where it is received.
    fn deliver(&mut self, place: usize, again: bool) {
        let Some((from, sealed, before)) = self.under_way.get(place).copied() else { return };
        match self.ends[1 - from].receive(&sealed) {
            Ok(()) => assert!(!before, "received twice"),
            Err(ReceiveError::UsedUp { .. }) => assert!(before, "taken for a repetition"),
            // An overtaken message of an epoch that has been given up.
            Err(ReceiveError::Past { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        if again {
            self.under_way[place].2 = true;
        } else {
            self.under_way.remove(place);
        }
    }

    /// A flipped bit: its key does not open what is sealed, so that its step is never taken.
    fn altered(&mut self, place: usize) {
        let Some((from, (message, _), _)) = self.under_way.get(place) else { return };
        let end = &self.ends[1 - from];
        let before = end.ratchet.to_bytes();
        let mut altered = message.as_bytes().to_vec();
        let byte = self.keys.len() % altered.len();
        altered[byte] ^= 1 << (place & 7);
        let _ = end.ratchet.receive(&altered);
        assert_eq!(end.ratchet.to_bytes(), before, "an altered message left a trace");
    }

    /// However much went wrong, the ends are at most one epoch apart, and the epochs pass once it stops.
    fn end(mut self) {
        while !self.under_way.is_empty() {
            self.deliver(0, false);
        }
        let [alice, bob] = &mut self.ends;
        let (one, other) = (alice.ratchet.epoch(), bob.ratchet.epoch());
        assert!(one.abs_diff(other) <= 1, "{one} and {other}");
        alice.talk(bob, one.max(other) + 1);
    }
}
