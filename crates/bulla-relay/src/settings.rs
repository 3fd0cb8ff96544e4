use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Backoff, Category};
use bulla_endpoint::{IdentityPolicy, LogKey};
use bulla_meter::LedgerSettings;
use bulla_store::Retention;
use thiserror::Error;

use crate::Rules;
use crate::limits::MIN_BACKOFF;

/// What an operator may turn on a relay.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) time_to_live: Retention,
    /// Of the categories that have one of their own, in the order of their codes.
    lives: [Option<Retention>; Category::ALL.len()],
    pub(crate) backoff: Backoff,
    pub(crate) changed_identities: IdentityPolicy,
    pub(crate) at_sink: usize,
    pub(crate) at_sink_per_business: usize,
    pub(crate) waiting: usize,
    pub(crate) waiting_per_business: usize,
    pub(crate) event_tries: Option<NonZeroU32>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) failover: bool,
    pub(crate) key_log: Option<LogKey>,
    pub(crate) ledger: Option<LedgerSettings>,
    pub(crate) reportable: Option<Retention>,
}

/// How long to wait before trying again, unless the operator says so.
const BACKOFF: Backoff = match Backoff::new(Duration::from_secs(1), Duration::from_secs(3600)) {
    Ok(backoff) => backoff,
    Err(_) => unreachable!(),
};

/// How long a message of the authentication category lives, unless it or the operator says so.
const CODES_LIVE: Duration = Duration::from_secs(600);

/// Where a category stands among those in [`Category::ALL`].
fn index(category: Category) -> usize {
    usize::from(category.code()) - 1
}

impl Default for Settings {
    /// 30 days to live, 10 minutes for a message of the authentication category; retries after 1 second, then
    /// twice as long each time, up to an hour, for as long as an event lives; 256 events with the sink at
    /// once, 32 of them of one business; 262,144 queues that wait, 65,536 of them of one business.
    fn default() -> Self {
        Self {
            time_to_live: Retention::LONGEST,
            lives: [None; Category::ALL.len()],
            backoff: BACKOFF,
            changed_identities: IdentityPolicy::Follow,
            at_sink: 256,
            at_sink_per_business: 32,
            waiting: 262_144,
            waiting_per_business: 65_536,
            event_tries: None,
            rules: Arc::default(),
            failover: false,
            key_log: None,
            ledger: None,
            reportable: None,
        }
        .time_to_live_of(Category::Authentication, Retention::new(CODES_LIVE).unwrap_or(Retention::LONGEST))
    }
}

impl Settings {
    /// How long a message of a business waits for the user's device before it fails, and an event for the
    /// business before it is dropped.
    ///
    /// Default: 30 days, the longest possible; a message fails two hours before they are over, while there is
    /// something left to tell of. The shorter, the less is kept, and the sooner the business hears that a
    /// message has not arrived. A message that lives for less than 30 days costs another commit.
    #[must_use]
    pub const fn time_to_live(mut self, time_to_live: Retention) -> Self {
        self.time_to_live = time_to_live;
        self
    }

    /// How long a message of this category waits for the user's device before it fails, if it does not say so
    /// itself ([`Outgoing::time_to_live`](crate::Outgoing::time_to_live)).
    ///
    /// Default: 10 minutes for authentication, since a code is of no use afterwards; for the others as
    /// [`time_to_live`](Self::time_to_live) says.
    #[must_use]
    pub fn time_to_live_of(mut self, category: Category, time_to_live: Retention) -> Self {
        if let Some(lives) = self.lives.get_mut(index(category)) {
            *lives = Some(time_to_live);
        }
        self
    }

    /// How long messages of this category live that do not say so themselves.
    pub(crate) fn lives(&self, category: Category) -> Retention {
        self.lives.get(index(category)).copied().flatten().unwrap_or(self.time_to_live)
    }

    /// How long to wait after a first failure, of the sink or the carrier, before trying again. Each further
    /// failure doubles it, up to `longest`. Of every wait between a half and the whole is drawn by lot, so
    /// that who failed together does not come back together.
    ///
    /// Default: 1 second and 1 hour. The first is at least [`MIN_BACKOFF`](crate::MIN_BACKOFF), and
    /// `longest` at least as long as it: a relay is not opened with others. A shorter first wait loads a
    /// business that has just come back; a longer last one delays by up to as much what waited for a business
    /// of whose recovery nothing else tells. Usually something does: the first event it takes wakes the
    /// others.
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// What to do when a user comes with another identity than before. Either way it is
    /// [reported](crate::Report::IdentityChanged), and what they send is opened.
    ///
    /// Default: [`IdentityPolicy::Follow`]: the business goes on writing to them, as every messenger does
    /// when somebody has a new phone. With [`IdentityPolicy::Hold`] its messages and receipts are kept until
    /// the host [approves](crate::Relay::approve_identity) of the new identity, or their time to live ends
    /// and they fail: nobody who takes over a number reads a word, and every user with a new phone waits for
    /// a person to look.
    #[must_use]
    pub const fn changed_identities(mut self, policy: IdentityPolicy) -> Self {
        self.changed_identities = policy;
        self
    }

    /// How many events are with the sink at once: `in_all`, and of one business `per_business`. The others
    /// wait in the store.
    ///
    /// Default: 256 and 32. Both are at least 1, and the second is no more than the first: a relay is not
    /// opened with others. Each event with a webhook holds a socket and up to some 40 KiB of memory, and each
    /// may last as long as the sink is patient. With 1 every event waits for the one before it. With
    /// thousands, a restart after an outage opens as many sockets in one moment, which the system may not
    /// have and the business's server may not bear. A business that answers after 100 milliseconds takes 320
    /// events a second through 32 places. Businesses that do not answer hold `per_business` places each: it
    /// takes `in_all / per_business` of them to hold up the others, who then get the places in the order they
    /// came.
    #[must_use]
    pub const fn events_at_sink(mut self, in_all: usize, per_business: usize) -> Self {
        self.at_sink = in_all;
        self.at_sink_per_business = per_business;
        self
    }

    /// In how many conversations something may wait at once: `in_all`, and of one business `per_business`; of
    /// each of three kinds, which are messages that wait for the carrier, those that wait for a rule, and
    /// events that wait for the business. Beyond it messages do not begin to wait for one user more, and
    /// [`SubmitError::Backlogged`](crate::SubmitError::Backlogged) refuses them; and what users send to a
    /// business that takes no events stays with the carrier.
    ///
    /// Default: 262,144 and 65,536. Both are at least 1, and the second is no more than the first: a relay is
    /// not opened with others. A queue takes up to 4 KiB of memory while something waits in it, and 12 when
    /// that has just begun, however much it is: an outage of the carrier comes to 1 GiB once it has lasted,
    /// to 3 before, and one of a business to a quarter of it. How many conversations there are in which
    /// nothing waits does not matter.
    #[must_use]
    pub const fn waiting_queues(mut self, in_all: usize, per_business: usize) -> Self {
        self.waiting = in_all;
        self.waiting_per_business = per_business;
        self
    }

    /// How often an event is offered to the sink before it becomes a [dead
    /// letter](crate::Relay::dead_letters): its conversation goes on behind it, and it can be
    /// [replayed](crate::Relay::replay) or [discarded](crate::Relay::discard).
    ///
    /// Default: as often as its time allows. Tries are counted since the relay was opened, those made when
    /// the event's own time has come: with the default [`backoff`](Self::backoff) the tenth comes after about
    /// 9 minutes at the latest. With 1 an outage of a second makes a dead letter of everything that is
    /// offered in it. Without a number, an event that the business's program cannot bear holds up what the
    /// same user says after it, for up to 30 days.
    #[must_use]
    pub const fn event_tries(mut self, tries: NonZeroU32) -> Self {
        self.event_tries = Some(tries);
        self
    }

    /// Which rules hold for what businesses send that have none of [their own](crate::Business::rules).
    ///
    /// Default: [`Rules::none`]. A rule keeps a business from being blocked by its users; each says what it
    /// costs.
    #[must_use]
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = Arc::new(rules);
        self
    }

    /// Has the relay share its store with others that have this set too: one of them acts, for all its
    /// businesses, and the others stand by. A business that is stood by for is
    /// [suspended](crate::Relay::suspended) and [reported](crate::Report::Suspended), with
    /// [`RelayError::StandsBy`](crate::RelayError::StandsBy), and [resumed](crate::Report::Resumed) when this
    /// relay takes over: at once when the one that acts is [closed](crate::Relay::close), if it runs in the
    /// same process, or else within a second; less than five seconds after it has died. They have the same
    /// businesses.
    ///
    /// Default: off. A relay acts as soon as it is opened, and shuts out whoever acted before it, for good.
    /// It does so to relays that have this set, too, and they do not come back by themselves: set it for all
    /// of them or for none.
    ///
    /// # Cost
    /// Who acts makes a small commit a second; who stands by reads a row a second. A relay that is opened
    /// again after a crash stands by for up to five seconds, since it cannot know that the one before is
    /// dead. One whose store does not take a record for three seconds may be replaced although it lives: it
    /// hears so at its next record, and the incarnation of each number keeps it from being heard until then.
    #[must_use]
    pub const fn failover(mut self) -> Self {
        self.failover = true;
        self
    }

    /// Has the relay be a witness of the carrier's log of keys: the log that has `key`. It tells its users
    /// the newest head that it has seen, inside what it seals, and compares what they tell it. A carrier that
    /// has signed two histories is [reported](crate::Report::LogSplit), with the evidence. And it reads every
    /// leaf of the log, as it grows, for what is said of its businesses [behind their
    /// backs](crate::Report::ForeignKey).
    ///
    /// Default: none; what users tell is passed over. The key comes from elsewhere than from the carrier.
    /// Conversations go on whatever is found: users' keys are in no log, so there is nothing that a relay
    /// would not take any more.
    ///
    /// # Cost
    /// 106 bytes of each message before the padding. Of a head that was not seen before: two multiplications
    /// on the curve, at most four calls of the carrier, and a commit if it is newer. Every ten minutes a
    /// call, and one for each 512 leaves that are new; once all of them when a business came since.
    #[must_use]
    pub fn key_log(mut self, key: LogKey) -> Self {
        self.key_log = Some(key);
        self
    }

    /// Has the relay count what is delivered as its carrier does, message by message, for a bill that both
    /// sign: see [`CountedMessage`](bulla_meter::CountedMessage). The carrier needs the same settings.
    ///
    /// Default: not at all. Once it was opened so, open it so again: what is delivered meanwhile is not
    /// counted, and nothing of what was is forgotten in its time.
    ///
    /// # Cost
    /// Two counters in the record of the first receipt of a message, and what [`LedgerSettings`] say.
    #[must_use]
    pub fn ledger(mut self, ledger: LedgerSettings) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// For how long a message of a user can be [reported](crate::Relay::report), from when it came. What a
    /// report takes, all that was sealed with its stamp, is kept so long, also when the business has the
    /// message.
    ///
    /// Default: not at all, since what users say leaves the store when the business has it. A carrier takes
    /// reports for 30 days, the longest there is. A shorter span keeps less, and leaves less time to report.
    ///
    /// # Cost
    /// Of each message of a user its bytes with their padding and some 70 more, in the record that is written
    /// anyway.
    #[must_use]
    pub const fn reportable_for(mut self, span: Retention) -> Self {
        self.reportable = Some(span);
        self
    }

    /// That a relay can run with these.
    pub(crate) fn check(&self) -> Result<(), InvalidSettings> {
        let first = self.backoff.first();
        if first < MIN_BACKOFF {
            return Err(InvalidSettings::FirstRetry { first, least: MIN_BACKOFF });
        }
        let (in_all, per_business) = (self.at_sink, self.at_sink_per_business);
        if per_business == 0 || per_business > in_all || in_all > MOST_AT_SINK {
            return Err(InvalidSettings::EventsAtSink { in_all, per_business, most: MOST_AT_SINK });
        }
        let (in_all, per_business) = (self.waiting, self.waiting_per_business);
        if per_business == 0 || per_business > in_all {
            return Err(InvalidSettings::WaitingQueues { in_all, per_business });
        }
        Ok(())
    }
}

/// More events than this are never with the sink: what the counter of places can count to.
const MOST_AT_SINK: usize = 1 << 20;

/// Settings no relay can run with. The operator's move.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidSettings {
    /// A relay that waits for nothing tries as fast as it can.
    #[error("backoff: the first wait is {first:?}, less than {least:?}")]
    FirstRetry {
        /// The wait asked for.
        first: Duration,
        /// The shortest there is.
        least: Duration,
    },
    /// Nothing would ever be forwarded, or a business has more places than there are.
    #[error(
        "events_at_sink: {per_business} a business and {in_all} in all; there must be 1 <= per business <= in all <= {most}"
    )]
    EventsAtSink {
        /// The places there are.
        in_all: usize,
        /// The places of one business.
        per_business: usize,
        /// The most there can be.
        most: usize,
    },
    /// Nothing would ever wait, or for one business more than for all.
    #[error(
        "waiting_queues: {per_business} a business and {in_all} in all; there must be 1 <= per business <= in all"
    )]
    WaitingQueues {
        /// How many in all.
        in_all: usize,
        /// How many of one business.
        per_business: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_lives_as_long_as_its_own_setting_says_or_else_as_the_others() {
        let minutes = |minutes: u64| Retention::new(Duration::from_secs(minutes * 60)).unwrap();
        let settings = Settings::default().time_to_live(minutes(60));
        let lives = |settings: &Settings| Category::ALL.map(|category| settings.lives(category));
        assert_eq!(lives(&settings), [60, 60, 10, 60].map(minutes));
        let settings = settings.time_to_live_of(Category::Marketing, minutes(5));
        let settings = settings.time_to_live_of(Category::Authentication, minutes(1));
        assert_eq!(lives(&settings), [60, 60, 1, 5].map(minutes));
    }

    #[test]
    fn waits_are_taken_from_the_shortest_on_and_none_is_refused() {
        let hour = Duration::from_secs(3600);
        let first = |first| Settings::default().backoff(Backoff::new(first, hour).unwrap()).check();
        assert_eq!(first(MIN_BACKOFF), Ok(()));
        for short in [MIN_BACKOFF - Duration::from_nanos(1), Duration::from_nanos(1)] {
            let refused = InvalidSettings::FirstRetry { first: short, least: MIN_BACKOFF };
            assert_eq!(first(short), Err(refused));
        }
        assert_eq!(first(hour), Ok(()));
    }

    #[test]
    fn something_may_wait_and_of_one_business_no_more_than_of_all() {
        let waiting = |in_all, per_business| Settings::default().waiting_queues(in_all, per_business).check();
        for (in_all, per_business) in [(1, 1), (2, 1), (usize::MAX, usize::MAX)] {
            assert_eq!(waiting(in_all, per_business), Ok(()));
        }
        for (in_all, per_business) in [(0, 0), (1, 0), (1, 2)] {
            let refused = InvalidSettings::WaitingQueues { in_all, per_business };
            assert_eq!(waiting(in_all, per_business), Err(refused));
        }
    }

    #[test]
    fn there_is_a_place_and_a_business_has_no_more_than_there_are() {
        let places = |in_all, per_business| Settings::default().events_at_sink(in_all, per_business).check();
        assert_eq!(Settings::default().check(), Ok(()));
        for (in_all, per_business) in [(1, 1), (2, 2), (MOST_AT_SINK, MOST_AT_SINK)] {
            assert_eq!(places(in_all, per_business), Ok(()));
        }
        for (in_all, per_business) in [(0, 0), (1, 0), (1, 2), (MOST_AT_SINK + 1, 1)] {
            assert!(matches!(places(in_all, per_business), Err(InvalidSettings::EventsAtSink { .. })));
        }
    }
}
