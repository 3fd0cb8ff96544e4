//! What one request at a time may do: a second one is told to wait for the first.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use bulla_base::PhoneNumberId;
use bulla_relay::MediaId;

/// What is changed by a request that is under way: an upload of a number, or its picture.
type Subject = (PhoneNumberId, Option<MediaId>);

/// What requests that are under way change. There are no more of them than requests.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(Mutex<HashSet<Subject>>);

/// That nobody else changes it, until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    all: &'a UnderWay,
    subject: Subject,
}

impl UnderWay {
    /// Takes the turn to change it, unless another request has it.
    pub(crate) fn take(&self, subject: Subject) -> Option<Turn<'_>> {
        let is_free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(subject);
        is_free.then_some(Turn { all: self, subject })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.subject);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_the_turn_until_it_is_done() {
        let (all, of) = (UnderWay::default(), (PhoneNumberId::new(1), None));
        let turn = all.take(of);
        assert!(turn.is_some() && all.take(of).is_none());
        assert!(all.take((PhoneNumberId::new(2), None)).is_some());
        drop(turn);
        assert!(all.take(of).is_some());
    }
}
