//! The time after a user's message in which the business may answer freely.

use std::time::Duration;

use bulla_base::Timestamp;

/// How long a window stays open after the user's last message.
pub const SERVICE_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// The state of a user's window with one business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceWindow {
    /// Service messages go.
    Open {
        /// When it closes, unless the user writes again.
        until: Timestamp,
    },
    /// Service messages break the rule until the user writes.
    Closed,
    /// Neither rule that asks for it is on, so nobody notes when the user writes.
    NotKept,
}

impl ServiceWindow {
    /// The window at `now` of a user who has written at `last`, if ever. At the very millisecond of its end
    /// it is closed.
    pub(crate) fn at(last: Option<Timestamp>, now: Timestamp) -> Self {
        // What seems to come from the future was noted by a clock that was ahead.
        let until = last.map(|last| last.min(now).after(SERVICE_WINDOW));
        until.filter(|until| now < *until).map_or(Self::Closed, |until| Self::Open { until })
    }

    /// Whether service messages go.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_open_for_twenty_four_hours_to_the_millisecond() {
        let (last, day) = (Timestamp::from_millis(5), SERVICE_WINDOW.as_secs() * 1000);
        let at = |millis| ServiceWindow::at(Some(last), Timestamp::from_millis(millis));
        let open = ServiceWindow::Open { until: Timestamp::from_millis(5 + day) };
        assert_eq!((at(5), at(4 + day)), (open, open));
        assert_eq!((at(5 + day), at(u64::MAX)), (ServiceWindow::Closed, ServiceWindow::Closed));
        assert_eq!(ServiceWindow::at(None, last), ServiceWindow::Closed);
    }

    #[test]
    fn a_clock_that_was_ahead_opens_no_window_for_longer_than_from_now_on() {
        let now = Timestamp::from_millis(77);
        let ahead = ServiceWindow::at(Some(now.after(SERVICE_WINDOW * 100)), now);
        assert_eq!(ahead, ServiceWindow::Open { until: now.after(SERVICE_WINDOW) });
    }
}
