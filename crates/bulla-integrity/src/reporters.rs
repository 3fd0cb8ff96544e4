use std::fmt;

use bulla_base::Timestamp;

use crate::limits::{REPORTERS_SPAN, REPORTERS_TO_PAUSE};

/// Which businesses have reported a user last, and with it whether the user is paused.
///
/// The rule, whole: a user whom [`REPORTERS_TO_PAUSE`](crate::REPORTERS_TO_PAUSE) different businesses have
/// reported within [`REPORTERS_SPAN`](crate::REPORTERS_SPAN) writes to no business until that is so no
/// longer. A business counts once, with its last report, however often it reports. The default is a user whom
/// nobody has reported.
///
/// ```text
/// place = tag of the business (u64) ‖ when it reported last, in milliseconds (u64), or 0        big-endian
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Reporters {
    places: [(u64, u64); REPORTERS_TO_PAUSE],
}

impl Reporters {
    /// How many bytes it takes when it is stored.
    pub const BYTES: usize = 16 * REPORTERS_TO_PAUSE;

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut places = [(0, 0); REPORTERS_TO_PAUSE];
        let mut numbers = bytes.as_chunks::<8>().0.iter().map(|number| u64::from_be_bytes(*number));
        for (tag, at) in &mut places {
            (*tag, *at) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        }
        Self { places }
    }

    /// What is to be stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.places.iter().flat_map(|(tag, at)| [tag.to_be_bytes(), at.to_be_bytes()]).flatten().collect()
    }

    /// The business with this `tag` reports the user `now`. Of more than fit the one that reported longest
    /// ago is forgotten, which does not count any more.
    #[must_use]
    pub fn report(mut self, tag: u64, now: Timestamp) -> Self {
        let known = self.places.iter().position(|(known, at)| (*known, *at > 0) == (tag, true));
        let oldest = || (0..).zip(&self.places).min_by_key(|(_, (_, at))| *at).map(|(place, _)| place);
        if let Some(place) = known.or_else(oldest).and_then(|place| self.places.get_mut(place)) {
            *place = (tag, now.as_millis());
        }
        self
    }

    /// Without what the business with this `tag` has reported.
    #[must_use]
    pub fn without(mut self, tag: u64) -> Self {
        self.places.iter_mut().filter(|(known, _)| *known == tag).for_each(|place| *place = (0, 0));
        self
    }

    /// How many businesses have reported the user of late.
    #[must_use]
    pub fn count(&self, now: Timestamp) -> usize {
        self.places.iter().filter(|(_, at)| counts(*at, now)).count()
    }

    /// When the pause ends, or has ended, that the last reports have made; nothing if they have made none, or
    /// there was another since that has taken the place of one of them.
    #[must_use]
    pub fn pause_end(&self) -> Option<Timestamp> {
        let moments = || self.places.iter().map(|(_, at)| *at).filter(|at| *at > 0);
        let (oldest, last) = (moments().min()?, Timestamp::from_millis(moments().max()?));
        let end = Timestamp::from_millis(oldest).after(REPORTERS_SPAN);
        (moments().count() == REPORTERS_TO_PAUSE && last < end).then_some(end)
    }

    /// Until when the user is paused, if so.
    ///
    /// A clock that goes back keeps nobody paused for longer than twice the span: what is further ahead was
    /// written by a clock that was wrong.
    #[must_use]
    pub fn paused_until(&self, now: Timestamp) -> Option<Timestamp> {
        let oldest =
            self.places.iter().map(|(_, at)| *at).min().filter(|_| self.count(now) == REPORTERS_TO_PAUSE);
        oldest.map(|oldest| Timestamp::from_millis(oldest).after(REPORTERS_SPAN))
    }
}

/// Whether a report of then still counts.
fn counts(at: u64, now: Timestamp) -> bool {
    let is_ahead = at > now.after(REPORTERS_SPAN).as_millis();
    at > 0 && !is_ahead && now < Timestamp::from_millis(at).after(REPORTERS_SPAN)
}

impl fmt::Debug for Reporters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = self.places.iter().filter(|(_, at)| *at > 0).count();
        f.debug_struct("Reporters").field("there", &there).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: u64 = 3_600_000;

    fn at(hour: u64) -> Timestamp {
        Timestamp::from_millis(20_000 * 24 * HOUR + hour * HOUR)
    }

    fn reported(by: impl IntoIterator<Item = (u64, u64)>) -> Reporters {
        by.into_iter().fold(Reporters::default(), |all, (tag, hour)| all.report(tag, at(hour)))
    }

    #[test]
    fn five_businesses_within_a_week_pause_and_four_or_one_five_times_do_not() {
        assert_eq!(reported((1..5).map(|tag| (tag, tag))).paused_until(at(10)), None);
        assert_eq!(reported((1..50).map(|hour| (7, hour))).paused_until(at(50)), None);
        let five = reported((1..6).map(|tag| (tag, tag)));
        let until = at(1).after(REPORTERS_SPAN);
        assert_eq!(five.paused_until(at(5)), Some(until));
        assert_eq!(five.paused_until(Timestamp::from_millis(until.as_millis() - 1)), Some(until));
        assert_eq!((five.paused_until(until), five.count(until)), (None, 4));
        // It is known afterwards until somebody reports anew.
        assert_eq!(five.pause_end(), Some(until));
        assert_eq!(five.report(6, until.after(REPORTERS_SPAN)).pause_end(), None);
        assert_eq!(reported((1..5).map(|tag| (tag, tag))).pause_end(), None);
        assert_eq!(reported([(1, 0), (2, 1), (3, 2), (4, 3), (5, 24 * 7)]).pause_end(), None);
        assert_eq!(Reporters::from_bytes(five.to_bytes().as_slice().try_into().unwrap()), five);
    }

    #[test]
    fn what_was_a_week_before_does_not_count_and_who_reports_again_counts_anew() {
        let week = 24 * 7;
        assert_eq!(reported([(1, 0), (2, 1), (3, 2), (4, 3), (5, week)]).paused_until(at(week)), None);
        let anew = reported([(1, 0), (2, 1), (3, 2), (4, 3), (1, week), (5, week)]);
        assert_eq!(anew.paused_until(at(week)), Some(at(week + 1)));
        // A sixth takes the place of the first.
        let six = anew.report(6, at(week));
        assert_eq!(six.paused_until(at(week)), Some(at(week + 2)));
        assert_eq!(six.without(6).paused_until(at(week)), None);
        assert_eq!(six.without(7), six);
    }

    #[test]
    fn a_clock_that_was_ahead_pauses_nobody_for_long() {
        let ahead = reported((1..6).map(|tag| (tag, 1_000)));
        assert_eq!(ahead.paused_until(at(0)), None);
        let near = at(1_000).before(REPORTERS_SPAN);
        let until = ahead.paused_until(near).unwrap();
        assert_eq!(until.since(near), Duration::from_secs(14 * 86_400));
    }
}
