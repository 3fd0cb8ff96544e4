use std::collections::BTreeMap;

use bulla_base::{PhoneNumberId, Timestamp};
use bulla_content::Typing;
use bulla_store::Store;
use bulla_transport::Transport;
use tokio::sync::{Mutex, watch};

use super::Device;
use crate::limits::MAX_TYPING;

/// Which businesses are writing an answer, and until when that is shown at most. In memory: it is over sooner
/// than a mailbox is read.
#[derive(Debug)]
pub(super) struct TypingIndicators {
    shown: watch::Sender<BTreeMap<PhoneNumberId, Timestamp>>,
    seen: Mutex<watch::Receiver<BTreeMap<PhoneNumberId, Timestamp>>>,
}

impl Default for TypingIndicators {
    fn default() -> Self {
        let (shown, seen) = watch::channel(BTreeMap::new());
        Self { shown, seen: Mutex::new(seen) }
    }
}

impl<S: Store, T: Transport> Device<S, T> {
    /// Which businesses are writing an answer, and until when that is shown if none comes: for
    /// [`Typing::SHOWN`] from when it was said, and not longer than that from when it came.
    ///
    /// It is not kept: what came while the device was off, or longer ago by its clock, is not shown. A clock
    /// that is ahead of the business's by as much shows nothing.
    #[must_use]
    pub fn typing(&self) -> BTreeMap<PhoneNumberId, Timestamp> {
        let now = self.0.clock.now();
        let mut shown = self.0.typing.shown.borrow().clone();
        shown.retain(|_, until| *until > now);
        shown
    }

    /// [`typing`](Self::typing), when it is not as it was when this was called last: a business has begun to
    /// write, or its answer has come. When the time of one is over, nobody is told.
    ///
    /// Cancel safe: what was not returned was not shown.
    pub async fn typing_changed(&self) -> BTreeMap<PhoneNumberId, Timestamp> {
        let mut seen = self.0.typing.seen.lock().await;
        // The sender is ours: it cannot be gone.
        let _ = seen.changed().await;
        self.typing()
    }
}

impl TypingIndicators {
    /// Shows that `business` is writing, which it `said` at that time. Beyond so many it is passed over.
    pub(super) fn begin(&self, business: PhoneNumberId, said: Timestamp, now: Timestamp) {
        let until = said.min(now).after(Typing::SHOWN);
        if until <= now {
            return;
        }
        self.shown.send_if_modified(|shown| {
            shown.retain(|_, until| *until > now);
            let has_room = shown.len() < MAX_TYPING || shown.contains_key(&business);
            has_room && shown.insert(business, until) != Some(until)
        });
    }

    /// Its answer has come.
    pub(super) fn end(&self, business: PhoneNumberId) {
        self.shown.send_if_modified(|shown| shown.remove(&business).is_some());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_is_shown_for_its_time_from_when_it_was_said_and_from_when_it_came() {
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1000);
        let typing = TypingIndicators::default();
        let shown = |business| typing.shown.borrow().get(&PhoneNumberId::new(business)).copied();
        for (business, said, now, until) in [
            (1, 100, 100, Some(125)),
            (2, 100, 124, Some(125)),
            (3, 100, 125, None),
            // A business whose clock is ahead.
            (4, 500, 100, Some(125)),
        ] {
            typing.begin(PhoneNumberId::new(business), at(said), at(now));
            assert_eq!(shown(business), until.map(at), "{business}");
        }
        typing.end(PhoneNumberId::new(1));
        assert_eq!(shown(1), None);
        assert_eq!(Typing::SHOWN, Duration::from_secs(25));
    }

    #[test]
    fn as_many_are_shown_as_may_be_and_one_more_when_one_is_over() {
        let (typing, now) = (TypingIndicators::default(), Timestamp::from_millis(1000));
        for business in 0..=MAX_TYPING as u64 {
            typing.begin(PhoneNumberId::new(business), now, now);
        }
        assert_eq!(typing.shown.borrow().len(), MAX_TYPING);
        let later = now.after(Typing::SHOWN);
        typing.begin(PhoneNumberId::new(1 << 20), later, later);
        assert_eq!(typing.shown.borrow().len(), 1);
    }
}
