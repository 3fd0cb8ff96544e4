use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::{MessageId, PhoneNumberId};
use bulla_endpoint::{Foreign, Identity};
use tokio::sync::watch;

use crate::limits::MAX_REPORTS;
use crate::{MessageRef, RelayError, SinkErrorKind, Suspended, SuspendedPart, UserId};

/// What the host must hear of, because nobody else can act on it: what has stopped, what was lost, what has
/// changed.
///
/// It holds no text, no phone number and no secret: users are named by the id the business knows them by.
/// What repeats is told once, and again when it changes; counters count all of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Report {
    /// So many reports were dropped before this reader came to them, because more than
    /// [`MAX_REPORTS`](crate::MAX_REPORTS) were waiting.
    Missed {
        /// How many.
        count: u64,
    },
    /// A business or a conversation has stopped by itself, and everything else goes on.
    Suspended(Suspended),
    /// What was suspended goes on.
    Resumed(SuspendedPart),
    /// A business does not take its events: the first failure after all was well, and the first of each
    /// further kind until it is again. Each event is tried again until its time is over.
    SinkFails {
        /// The business whose event failed. Others that share its [`Destination`](crate::Destination) are not
        /// told of on their own.
        business: PhoneNumberId,
        /// What went wrong.
        kind: SinkErrorKind,
    },
    /// Nothing waits any more for the destination of which [`SinkFails`](Report::SinkFails) was told, and its
    /// last event was taken.
    SinkRecovers {
        /// The business whose event was taken.
        business: PhoneNumberId,
    },
    /// An event was offered as often as [`Settings::event_tries`](crate::Settings::event_tries) says, and is
    /// a [dead letter](crate::Relay::dead_letters) now. What comes after it goes on.
    DeadLetter {
        /// Of which business.
        business: PhoneNumberId,
        /// The user it is about, as the business knows them.
        user: UserId,
        /// The message it is about.
        message: MessageRef,
    },
    /// A user has come with another identity than before: a new phone, or somebody who is not the user.
    ///
    /// By [`Settings::changed_identities`](crate::Settings::changed_identities) the conversation goes on, or
    /// what the business says to the user is held until the host [approves](crate::Relay::approve_identity).
    IdentityChanged {
        /// Whose user.
        business: PhoneNumberId,
        /// The user as the business knows them.
        user: UserId,
        /// The new identity.
        identity: Identity,
        /// Whether it waits for approval.
        is_held: bool,
    },
    /// The carrier has signed two histories of its log of keys: it shows different keys to different people.
    /// Told when it is found, and at each start from then on.
    LogSplit {
        /// The evidence: the text of a file that anybody can check who has the log's public key.
        evidence: Arc<str>,
    },
    /// The carrier's log of keys says something of a business that is not the business's doing: another key
    /// than its own, or what does not follow from what was said before. Somebody may have been shown that
    /// key as the business's. Told when it is read, and at each start from then on.
    ///
    /// A number that was registered by another relay meanwhile looks the same: then it is that relay's key.
    ForeignKey {
        /// Of which business.
        business: PhoneNumberId,
        /// Which leaf of the log, and in what it is not the business's doing.
        foreign: Foreign,
    },
    /// The leaves of its log of keys that the carrier shows do not make the head that it has signed: what it
    /// says of businesses behind their backs is not seen. Told once, until it shows them.
    LogNotShown {
        /// How many leaves the signed head has.
        size: u64,
    },
    /// A message of a user could not be opened, and was asked for as often as any is
    /// ([`MAX_RETRY_REQUESTS`](crate::MAX_RETRY_REQUESTS)), or for as long. The business never gets it; the
    /// user's device tells its user.
    MessageLost {
        /// To which business.
        business: PhoneNumberId,
        /// The user as the business knows them.
        user: UserId,
        /// Which message.
        message: MessageId,
    },
    /// The relay has stopped, and this is why: open it anew. The last report there is.
    Stopped {
        /// Why.
        why: Arc<RelayError>,
    },
}

/// The reports of a relay, from the oldest that is kept.
///
/// Each reader gets every report. One that is too slow, or that comes late, is told how many it missed.
pub struct Reports {
    log: Arc<ReportLog>,
    next: u64,
    changed: watch::Receiver<()>,
}

impl Reports {
    /// The next report, waiting for it; nothing when the relay has stopped and everything was read.
    ///
    /// Cancel safe: a report that was not returned is returned the next time.
    pub async fn next(&mut self) -> Option<Report> {
        loop {
            self.changed.mark_unchanged();
            match self.log.after(&mut self.next) {
                Ok(report) => return Some(report),
                Err(Ended(true)) => return None,
                // The sender is in the log, which we hold.
                Err(Ended(false)) => drop(self.changed.changed().await),
            }
        }
    }
}

impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reports").field("next", &self.next).finish_non_exhaustive()
    }
}

/// The latest [`MAX_REPORTS`] reports, for whoever reads them.
#[derive(Debug, Default)]
pub(crate) struct ReportLog {
    kept: Mutex<Backlog>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Backlog {
    reports: VecDeque<Report>,
    /// How many there were before the first of them.
    before: u64,
    ended: bool,
}

/// There is no further report; whether there never will be.
struct Ended(bool);

impl ReportLog {
    /// Appends `report`. Costs the oldest, if there are too many.
    pub(crate) fn tell(&self, report: Report) {
        let mut kept = self.kept();
        if kept.reports.len() == MAX_REPORTS {
            kept.reports.pop_front();
            kept.before += 1;
        }
        kept.reports.push_back(report);
        drop(kept);
        self.changed.send_replace(());
    }

    /// Says that no report will follow.
    pub(crate) fn end(&self) {
        self.kept().ended = true;
        self.changed.send_replace(());
    }

    /// A reader that begins at the oldest report kept.
    pub(crate) fn read(self: &Arc<Self>) -> Reports {
        Reports { log: Arc::clone(self), next: 0, changed: self.changed.subscribe() }
    }

    /// The report at `next` or, if it is gone, how many are, and moves `next` behind it.
    fn after(&self, next: &mut u64) -> Result<Report, Ended> {
        let kept = self.kept();
        if *next < kept.before {
            let count = kept.before - *next;
            *next = kept.before;
            return Ok(Report::Missed { count });
        }
        let place = usize::try_from(*next - kept.before).unwrap_or(usize::MAX);
        let report = kept.reports.get(place).cloned().ok_or(Ended(kept.ended))?;
        *next += 1;
        Ok(report)
    }

    fn kept(&self) -> MutexGuard<'_, Backlog> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn log_with(reports: usize) -> Arc<ReportLog> {
        let log = Arc::new(ReportLog::default());
        (0..reports).for_each(|number| log.tell(Report::Missed { count: number as u64 }));
        log
    }

    /// What can be read at once: the numbers of the reports.
    fn at_hand(reports: &mut Reports) -> Vec<u64> {
        let mut read = Vec::new();
        while let Some(Some(Report::Missed { count })) = reports.next().now_or_never() {
            read.push(count);
        }
        read
    }

    #[test]
    fn who_comes_late_gets_all_that_are_kept() {
        let log = log_with(MAX_REPORTS);
        let expected: Vec<u64> = (0..MAX_REPORTS as u64).collect();
        assert_eq!(at_hand(&mut log.read()), expected);
        assert_eq!(at_hand(&mut log.read()), expected, "and so does everybody else");
    }

    #[test]
    fn one_more_than_are_kept_costs_the_oldest_and_is_said() {
        let log = log_with(MAX_REPORTS + 1);
        let mut reports = log.read();
        let first = reports.next().now_or_never().unwrap().unwrap();
        assert!(matches!(first, Report::Missed { count: 1 }), "one was missed: {first:?}");
        assert_eq!(at_hand(&mut reports), (1..=MAX_REPORTS as u64).collect::<Vec<_>>());
        (0..MAX_REPORTS * 3).for_each(|_| log.tell(Report::Missed { count: 0 }));
        let next = reports.next().now_or_never().unwrap().unwrap();
        assert!(matches!(next, Report::Missed { count } if count == 2 * MAX_REPORTS as u64), "{next:?}");
        assert_eq!(log.kept().reports.len(), MAX_REPORTS);
    }

    #[tokio::test]
    async fn a_reader_waits_for_the_next_report_and_for_the_end() {
        let log = log_with(0);
        let mut reports = log.read();
        assert!(reports.next().now_or_never().is_none());
        let (next, ()) = tokio::join!(reports.next(), async { log.tell(Report::Missed { count: 7 }) });
        assert!(matches!(next, Some(Report::Missed { count: 7 })));
        let (end, ()) = tokio::join!(reports.next(), async { log.end() });
        assert!(end.is_none());
        assert!(reports.next().now_or_never().unwrap().is_none(), "and stays so");
    }
}
