use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;

use crate::limits::{LONGEST_SINK_RETURN_SPREAD, SINK_RETURN_SPREAD};
use crate::metrics::WAITING;
use crate::{Destination, SinkErrorKind};

/// The destinations that have not taken an event they were offered. Of the others nothing is kept.
#[derive(Debug, Default)]
pub(super) struct SinkOutages(Mutex<HashMap<Destination, Outage>>);

#[derive(Debug)]
struct Outage {
    /// How many conversations wait with an event that was not taken.
    waiting: usize,
    /// The kinds of errors so far, of which there are few.
    kinds: Vec<SinkErrorKind>,
    /// Told when an event gets there.
    success: broadcast::Sender<()>,
}

/// A conversation that waits with an event its destination did not take, until this is dropped.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    outages: &'a SinkOutages,
    destination: Destination,
    success: broadcast::Receiver<()>,
    is_over: bool,
}

impl SinkOutages {
    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.outages().is_empty()
    }

    /// A conversation has failed to get an event to `destination`, and begins to wait.
    pub(super) fn wait(&self, destination: Destination) -> Waiting<'_> {
        let mut outages = self.outages();
        let new = || Outage { waiting: 0, kinds: Vec::new(), success: broadcast::Sender::new(1) };
        let outage = outages.entry(destination.clone()).or_insert_with(new);
        outage.waiting += 1;
        metrics::gauge!(WAITING).increment(1);
        Waiting { outages: self, destination, success: outage.success.subscribe(), is_over: false }
    }

    /// An event has got to `destination`: who waits for it need wait no longer.
    pub(super) fn succeed(&self, destination: &Destination) {
        if let Some(outage) = self.outages().get(destination) {
            // In the order in which they began to wait; a `watch` would draw lots.
            let _ = outage.success.send(());
        }
    }

    /// Events go elsewhere now: who waits for any destination need wait no longer.
    pub(super) fn succeed_all(&self) {
        for outage in self.outages().values() {
            let _ = outage.success.send(());
        }
    }

    fn outages(&self) -> MutexGuard<'_, HashMap<Destination, Outage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting<'_> {
    pub(super) const fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Notes an error of `kind`. Whether it is the first of its kind since all was well.
    pub(super) fn is_news(&self, kind: SinkErrorKind) -> bool {
        let mut outages = self.outages.outages();
        // Better told twice than not at all.
        let Some(outage) = outages.get_mut(&self.destination) else { return true };
        let is_new = !outage.kinds.contains(&kind);
        if is_new {
            outage.kinds.push(kind);
        }
        is_new
    }

    /// Waits until an event of another conversation gets there. Over how long those who wait are to come back
    /// then.
    pub(super) async fn success(&mut self) -> Duration {
        // The sender is there as long as one waits; one of several successes is as good as the last.
        let _ = self.success.recv().await;
        let waiting = self.outages.outages().get(&self.destination).map_or(1, |outage| outage.waiting);
        SINK_RETURN_SPREAD
            .saturating_mul(u32::try_from(waiting).unwrap_or(u32::MAX))
            .min(LONGEST_SINK_RETURN_SPREAD)
    }

    /// The event has got there. True when nobody waits for the destination any more.
    pub(super) fn end(mut self) -> bool {
        self.leave()
    }

    fn leave(&mut self) -> bool {
        // It ends by `end` and is dropped after that: it leaves once.
        if std::mem::replace(&mut self.is_over, true) {
            return false;
        }
        let mut outages = self.outages.outages();
        let Some(outage) = outages.get_mut(&self.destination) else { return false };
        outage.waiting -= 1;
        metrics::gauge!(WAITING).decrement(1);
        let is_last = outage.waiting == 0;
        if is_last {
            outages.remove(&self.destination);
        }
        is_last
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::PhoneNumberId;
    use futures_util::FutureExt;

    use super::*;

    fn shop() -> Destination {
        Destination::business(PhoneNumberId::new(1))
    }

    #[test]
    fn the_first_failure_of_each_kind_is_news_until_all_is_well_again() {
        let outages = SinkOutages::default();
        let (one, two) = (outages.wait(shop()), outages.wait(shop()));
        let kinds = [SinkErrorKind::TimedOut, SinkErrorKind::TimedOut, SinkErrorKind::Refused];
        assert_eq!(kinds.map(|kind| one.is_news(kind)), [true, false, true]);
        assert_eq!(kinds.map(|kind| two.is_news(kind)), [false; 3]);
        assert!(!one.end());
        assert!(two.end(), "the last");
        assert!(outages.is_empty());
        assert!(outages.wait(shop()).is_news(SinkErrorKind::TimedOut));
        assert!(outages.is_empty(), "who gives up leaves nothing behind");
    }

    #[test]
    fn a_success_wakes_those_of_its_destination_and_spreads_them_by_their_number() {
        let outages = SinkOutages::default();
        let elsewhere = Destination::named("elsewhere");
        let mut other = outages.wait(elsewhere.clone());
        let mut waiting: Vec<_> = (0..100).map(|_| outages.wait(shop())).collect();
        assert!(waiting.iter_mut().all(|one| one.success().now_or_never().is_none()));
        outages.succeed(&shop());
        for one in &mut waiting {
            assert_eq!(one.success().now_or_never(), Some(Duration::from_secs(2)));
        }
        assert!(other.success().now_or_never().is_none());
        waiting.extend((0..900).map(|_| outages.wait(shop())));
        outages.succeed(&shop());
        assert_eq!(waiting[0].success().now_or_never(), Some(LONGEST_SINK_RETURN_SPREAD));
    }
}
