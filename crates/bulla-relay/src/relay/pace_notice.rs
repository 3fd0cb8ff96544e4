//! That the carrier holds a business to a pace, told once in a while: each message that waits for it asks
//! once a minute.

use std::sync::atomic::{AtomicU64, Ordering};

use bulla_base::Timestamp;

use crate::limits::PACE_TOLD_EVERY;

/// When it was told last, in milliseconds; 0 is never.
#[derive(Debug, Default)]
pub(super) struct PaceNotice(AtomicU64);

impl PaceNotice {
    /// Whether it is to be told `now`; then it is. Of two that ask at once one is told to.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let told = self.0.load(Ordering::Relaxed);
        let is_due = told == 0 || now.since(Timestamp::from_millis(told)) >= PACE_TOLD_EVERY;
        let now = now.as_millis().max(1);
        is_due && self.0.compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_is_told_once_an_hour() {
        let (notice, now) = (PaceNotice::default(), Timestamp::from_millis(20_000 * 86_400_000));
        let asked = [0, 1, 3_599, 3_600, 3_601, 7_200];
        let told = asked.map(|second| notice.is_due(now.after(Duration::from_secs(second))));
        assert_eq!(told, [true, false, false, true, false, true]);
        assert!(!notice.is_due(now), "a clock that goes back tells nothing");
    }
}
