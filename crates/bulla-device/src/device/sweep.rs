use std::sync::atomic::Ordering;

use bulla_base::Day;
use bulla_endpoint::{businesses_in_session, forget_sessions};
use bulla_store::{BEFORE_ALL, Retention, Scan, Store, StoreError};
use bulla_transport::Transport;

use super::Inner;
use crate::store_layout::{self, SPOKEN};

impl<S: Store, T: Transport> Inner<S, T> {
    /// Drops the days that nothing can be read of any more, and once a day the sessions with businesses of
    /// which nothing is left.
    ///
    /// It goes by what is there, not by the clock: a clock that leaps ahead ends nothing that has not been
    /// dropped with its day.
    pub(super) async fn sweep(&self, ended_on: &mut Option<Day>) -> Result<(), StoreError> {
        self.session_cache.evict_idle();
        let now = self.clock.now();
        let oldest = now.before(Retention::LONGEST.span()).day();
        // Within the lane: whatever goes by a mark is durable before that is dropped.
        let lane = self.lane.lock().await;
        self.active.clear();
        drop(lane);
        // The day of an envelope's id may lie one behind that on which it was made durable.
        self.store.drop_days_before(oldest.minus(1)).await?;
        if ended_on.replace(now.day()) == Some(now.day()) {
            return Ok(());
        }
        let lane = self.lane.lock().await;
        self.unconfirmed.store(self.count_unconfirmed().await?, Ordering::Relaxed);
        drop(lane);
        for business in businesses_in_session(&self.store, self.home).await? {
            let _lane = self.lane.lock().await;
            let some = Scan::everything(SPOKEN).prefix(store_layout::of(business)).limit(1);
            if self.store.keys(self.home, &some, BEFORE_ALL).await?.is_empty() {
                let records = forget_sessions(&self.store, self.home, business).await?;
                self.session_cache.forget(self.home);
                tracing::info!(%business, records, "a conversation in which nothing was said for 30 days is over");
            }
        }
        Ok(())
    }
}
