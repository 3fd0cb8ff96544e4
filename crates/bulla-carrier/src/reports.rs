//! Reports: what was sent to somebody, shown by them, and verified without a look at what it says.

use std::sync::{Arc, PoisonError};

use bulla_base::{Address, Day, MessageId, Partition, Party, Timestamp};
use bulla_envelope::InvalidEnvelope;
use bulla_integrity::{MAX_REPORT_BYTES, Report};
use bulla_store::{BEFORE_ALL, Batch, Commit, Key, Retention, Scan, Store, StoreError, erase_names};
use bulla_transport::TransportError;
use bytes::Bytes;
use tokio::sync::oneshot;
use tracing::Instrument;

use crate::carrier::{not_alone, store_failed};
use crate::limits::{ERASE_PAGE, MAX_ID_AGE};
use crate::metrics::REPORTS;
use crate::store_layout::{REPORT, REPORTED, REPORTS_MADE};
use crate::{Carrier, trace_span};

/// A report that the carrier has verified: each of its messages was sent as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedReport {
    /// When it came.
    pub at: Timestamp,
    /// Who reports: a tag, by which reports of one reporter can be told from those of another.
    pub reporter: Partition,
    /// What is reported. It holds what was said.
    pub report: Report,
}

impl<S: Store> Carrier<S> {
    /// Takes `bytes`, which `reporter` shows, for the operator.
    ///
    /// Businesses that report a user are told apart by their numbers, for the carrier knows no accounts: five
    /// numbers of one owner pause a user who has written to each of them.
    pub(crate) async fn take_report(&self, reporter: &Address, bytes: &[u8]) -> Result<(), TransportError> {
        let (actual, limit) = (bytes.len(), MAX_REPORT_BYTES);
        if actual > limit {
            return Err(InvalidEnvelope::TooLarge { field: "report (bytes)", actual, limit }.into());
        }
        let report = Report::from_bytes(bytes).map_err(|_| InvalidEnvelope::Field { field: "report" })?;
        self.verify_report(&report, reporter)?;
        let Some(reported) = report.reported() else { return Err(TransportError::NotProven) };
        let partition = self.pepper.partition(reported);
        let (by, reporter) = (reporter.party(), self.pepper.partition(reporter.party()));
        let watched = match (&self.protection, reported) {
            (Some(protection), Party::Business(business)) => {
                protection.load(*business).await.map_err(store_failed)?;
                Some((protection, *business))
            }
            _ => None,
        };
        let _lock = self.lock(partition).await?;
        let (now, mut batch) = (self.clock.now(), Batch::new(partition));
        // All of it was reported before: whoever repeats the call has not heard that it was taken.
        let Some(kept) = self.keep_new(&report, reporter, &mut batch, now).await? else { return Ok(()) };
        // One fact, and one record: who reports again is not counted again.
        let noted = watched.map(|(protection, business)| {
            (business, protection.note_report(business, reporter, &kept, &mut batch))
        });
        let of_user = match (by, reported) {
            (Party::Business(_), Party::User(_)) => {
                let accepted = kept.messages().iter().map(|message| message.stamp().accepted()).max();
                let noting = self.note_reporter(reporter, accepted.unwrap_or(now), &mut batch, now);
                Some(noting.await.map_err(store_failed)?)
            }
            _ => None,
        };
        let protection = self.protection.clone();
        let note = move || {
            let Some(protection) = protection else { return };
            if let Some((business, Some(put))) = noted {
                protection.kept(business, put);
            }
            if let Some(noted) = of_user {
                protection.reporter_noted(&noted);
            }
        };
        self.commit_report(batch, note).await?;
        let (reason, messages) = (report.reason().name(), report.messages().len());
        metrics::counter!(REPORTS, "reason" => reason).increment(1);
        tracing::info!(reason, messages, "a report was taken");
        Ok(())
    }

    /// Commits what keeps a report, and then does `note` it. It goes on when whoever reports leaves: else a
    /// user would be paused in the store, and nobody would go by it.
    async fn commit_report(
        &self,
        batch: Batch,
        note: impl FnOnce() + Send + 'static,
    ) -> Result<(), TransportError> {
        let (store, (done, outcome)) = (Arc::clone(&self.store), oneshot::channel());
        let committing = async move {
            let outcome = store.commit(batch).await;
            if let Ok(Commit::Committed(_)) = outcome {
                note();
            }
            // Who has left does not hear it.
            let _ = done.send(outcome);
        };
        {
            let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
            while commits.try_join_next().is_some() {}
            commits.spawn(committing.in_current_span());
        }
        // It is cut short when the carrier is dropped.
        match outcome.await {
            Ok(Ok(Commit::Committed(_))) => Ok(()),
            // The lock was ours.
            Ok(Ok(_)) => Err(not_alone()),
            Ok(Err(error)) => Err(store_failed(error)),
            Err(error) => Err(TransportError::unavailable(error)),
        }
    }

    /// Puts what of `report` was not reported before into `batch`, with its guards. Returns that, unless it
    /// is nothing.
    async fn keep_new(
        &self,
        report: &Report,
        reporter: Partition,
        batch: &mut Batch,
        now: Timestamp,
    ) -> Result<Option<Report>, TransportError> {
        let (partition, mut new) = (batch.partition(), Vec::new());
        for message in report.messages() {
            if !self.was_reported(partition, reporter, message.id(), now).await.map_err(store_failed)? {
                let guard = guard(now.day(), reporter, message.id());
                batch.expect_absent(guard.clone());
                batch.put_until(guard, Vec::new(), Retention::LONGEST.from(now));
                new.push(message.clone());
            }
        }
        let Some(first) = new.first() else { return Ok(None) };
        let key = report_key(now, reporter, first.id());
        // Of the others there is a report already.
        let kept = Report::new(report.reason(), new).map_err(|_| TransportError::NotProven)?;
        let kept = if report.blocks() { kept.and_block() } else { kept };
        batch.put_until(key, kept.to_bytes().to_vec(), Retention::LONGEST.from(now));
        Ok(Some(kept))
    }

    /// Whether `reporter` has reported the message in the last 30 days. It may have come with several stamps:
    /// to two devices, or sent again after a retry request; so it goes by its id.
    async fn was_reported(
        &self,
        partition: Partition,
        reporter: Partition,
        id: MessageId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let oldest = now.before(Retention::LONGEST.span()).day().number();
        for day in (oldest..=now.day().number()).rev() {
            let guard = guard(Day::from_number(day), reporter, id);
            if self.store.get(partition, &guard, now).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// That all of it was sent as it says. For as long as the guard of what is reported is remembered, and no
    /// longer: else it could be reported twice.
    fn verify_report(&self, report: &Report, reporter: &Address) -> Result<(), TransportError> {
        let oldest = self.clock.now().before(MAX_ID_AGE);
        if report.messages().iter().any(|message| message.stamp().accepted() < oldest) {
            return Err(TransportError::NotProven);
        }
        self.stamps.verify(report, reporter).map_err(|_| TransportError::NotProven)
    }

    /// The reports of `reported` in the last 30 days, by the day from the oldest on, at most `limit` behind
    /// `after`. They leave with their day, and with an erasure of who reported or was reported.
    ///
    /// # Errors
    /// When the store fails, or holds a damaged report.
    ///
    /// # Security
    /// They hold what was said. Nobody but who decides on them should see any.
    pub async fn reports(
        &self,
        reported: &Party,
        after: Option<&VerifiedReport>,
        limit: usize,
    ) -> Result<Vec<VerifiedReport>, StoreError> {
        let partition = self.pepper.partition(reported);
        let scan = Scan::everything(REPORT).limit(limit);
        let scan = match after.and_then(|after| Some((after, after.report.messages().first()?))) {
            Some((after, first)) => scan.after(report_key(after.at, after.reporter, first.id())),
            None => scan,
        };
        let read = async {
            let rows = self.store.scan(partition, &scan, self.clock.now()).await?;
            rows.iter().map(|(key, record)| read(key, &record.value)).collect()
        };
        self.for_host(trace_span::for_host("reports"), read).await
    }
}

impl<S: Store> Carrier<S> {
    /// Removes what `reporter` has reported of the party of `reported`, and says how many records that was.
    /// To be called under its lock.
    pub(crate) async fn remove_reports(
        &self,
        reported: Partition,
        reporter: Partition,
    ) -> Result<usize, StoreError> {
        let (mut removed, name) = (0, Bytes::copy_from_slice(reporter.as_bytes()));
        for space in [REPORT, REPORTED] {
            removed += erase_names(&self.store, reported, space, name.clone()).await?;
        }
        Ok(removed)
    }

    /// Removes what the business of the partition `reporter` has reported of users, and says how many records
    /// that was. Of a user there is nothing.
    pub(crate) async fn remove_reports_made(&self, reporter: Partition) -> Result<usize, StoreError> {
        let (mut removed, all) = (0, Scan::everything(REPORTS_MADE).limit(ERASE_PAGE));
        let mut scan = all.clone();
        loop {
            let page = self.store.keys(reporter, &scan, BEFORE_ALL).await?;
            let Some(last) = page.last() else { return Ok(removed) };
            scan = all.clone().after(last.clone());
            for key in page {
                let user = key.name()[..].try_into().map(Partition::from_bytes);
                let user = user.map_err(|_| StoreError::Damaged { what: "report made" })?;
                let _lock = self.keyed_mutex.lock(user).await;
                removed += self.remove_reports(user, reporter).await?;
                let mut batch = Batch::new(user);
                self.forget_reporter(reporter, &mut batch).await?;
                if batch.writes() {
                    // It expects nothing.
                    let _ = self.store.commit(batch).await?;
                    self.forget_paused(user);
                }
            }
        }
    }
}

/// The message makes it one of its own, should two reports come in the same millisecond.
fn report_key(at: Timestamp, reporter: Partition, first: MessageId) -> Key {
    let name = [&reporter.as_bytes()[..], &at.as_millis().to_be_bytes(), first.as_bytes()].concat();
    Key::dated(REPORT, at.day(), name)
}

/// That a message was reported, on the day on which it was. It stands by the party and not by the device: a
/// message that went to two of them is one.
fn guard(day: Day, reporter: Partition, id: MessageId) -> Key {
    Key::dated(REPORTED, day, [&reporter.as_bytes()[..], id.as_bytes()].concat())
}

fn read(key: &Key, value: &[u8]) -> Result<VerifiedReport, StoreError> {
    let read = || {
        let (reporter, rest) = key.name().split_first_chunk()?;
        let (at, _) = rest.split_first_chunk()?;
        let at = Timestamp::from_millis(u64::from_be_bytes(*at));
        let report = Report::from_bytes(value).ok()?;
        Some(VerifiedReport { at, reporter: Partition::from_bytes(*reporter), report })
    };
    read().ok_or(StoreError::Damaged { what: "report" })
}
