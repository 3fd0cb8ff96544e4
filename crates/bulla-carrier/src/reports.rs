//! Reports: what was sent to somebody, shown by them, and verified without a look at what it says.

use bulla_base::{Address, Partition, Party, Timestamp};
use bulla_envelope::InvalidEnvelope;
use bulla_integrity::{MAX_REPORT_BYTES, Report, ReportedMessage};
use bulla_store::{BEFORE_ALL, Batch, Commit, Key, Retention, Scan, Store, StoreError};
use bulla_transport::TransportError;

use crate::carrier::{not_alone, store_failed};
use crate::limits::{ERASE_PAGE, MAX_ID_AGE};
use crate::metrics::REPORTS;
use crate::store_layout::{REPORT, REPORTED};
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
    pub(crate) async fn take_report(&self, reporter: &Address, bytes: &[u8]) -> Result<(), TransportError> {
        let (actual, limit) = (bytes.len(), MAX_REPORT_BYTES);
        if actual > limit {
            return Err(InvalidEnvelope::TooLarge { field: "report (bytes)", actual, limit }.into());
        }
        let report = Report::from_bytes(bytes).map_err(|_| InvalidEnvelope::Field { field: "report" })?;
        self.verify_report(&report, reporter)?;
        let Some(reported) = report.reported() else { return Err(TransportError::NotProven) };
        let partition = self.pepper.partition(reported);
        let reporter = self.pepper.partition(reporter.party());
        let _lock = self.lock(partition).await?;
        let mut batch = Batch::new(partition);
        let now = self.clock.now();
        for message in report.messages() {
            let guard = guard(reporter, message);
            if self.store.get(partition, &guard, now).await.map_err(store_failed)?.is_none() {
                batch.expect_absent(guard.clone());
                batch.put_until(guard, Vec::new(), Retention::LONGEST.from(now));
            }
        }
        // All of it was reported before: whoever repeats the call has not heard that it was taken.
        if !batch.writes() {
            return Ok(());
        }
        batch.put_until(report_key(now, reporter), bytes.to_vec(), Retention::LONGEST.from(now));
        match self.store.commit(batch).await.map_err(store_failed)? {
            Commit::Committed(_) => {}
            // The lock was ours.
            _ => return Err(not_alone()),
        }
        metrics::counter!(REPORTS, "reason" => report.reason().name()).increment(1);
        tracing::info!(
            reason = report.reason().name(),
            messages = report.messages().len(),
            "a report was taken"
        );
        Ok(())
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
        let scan = match after {
            Some(VerifiedReport { at, reporter, .. }) => scan.after(report_key(*at, *reporter)),
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
        let mut removed = 0;
        for space in [REPORT, REPORTED] {
            let all = Scan::everything(space).prefix(reporter.as_bytes().to_vec()).limit(ERASE_PAGE);
            loop {
                let page = self.store.scan(reported, &all, BEFORE_ALL).await?;
                if page.is_empty() {
                    break;
                }
                let mut batch = Batch::new(reported);
                removed += page.len();
                page.into_iter().for_each(|(key, _)| batch.delete(key));
                let Commit::Committed(_) = self.store.commit(batch).await? else {
                    return Err(StoreError::Damaged { what: "report to be erased" });
                };
            }
        }
        Ok(removed)
    }
}

fn report_key(at: Timestamp, reporter: Partition) -> Key {
    Key::dated(REPORT, at.day(), [&reporter.as_bytes()[..], &at.as_millis().to_be_bytes()].concat())
}

/// That a message was reported, by whoever. It stands by the party and not by the device: a message that went
/// to two of them is one.
fn guard(reporter: Partition, message: &ReportedMessage) -> Key {
    let name = [&reporter.as_bytes()[..], message.id().as_bytes()].concat();
    Key::dated(REPORTED, message.stamp().day(), name)
}

fn read(key: &Key, value: &[u8]) -> Result<VerifiedReport, StoreError> {
    let read = || {
        let (reporter, at) = key.name().split_first_chunk()?;
        let at = Timestamp::from_millis(u64::from_be_bytes(at.try_into().ok()?));
        let report = Report::from_bytes(value).ok()?;
        Some(VerifiedReport { at, reporter: Partition::from_bytes(*reporter), report })
    };
    read().ok_or(StoreError::Damaged { what: "report" })
}
