use std::fmt;
use std::sync::Arc;

use bulla_base::{Address, Day, Party, Timestamp};
use bulla_store::{Expiry, Retention};

use super::{BlobFiles, BlobQuota};
use crate::limits::{BLOB_DAYS, DAY, MAX_UPLOAD_DAYS, MIN_BLOB_RETENTION};

/// Where a carrier keeps blobs, and how many.
#[derive(Debug, Clone)]
pub struct BlobStorage {
    pub(super) files: Arc<dyn BlobFiles>,
    pub(super) settings: BlobSettings,
}

impl BlobStorage {
    /// In `files`, as `settings` say.
    ///
    /// A store and its files go together: an erasure on the one removes from the other. A carrier that is
    /// opened without them, or with others, leaves to the end of their days what it does not see.
    #[must_use]
    pub fn new(files: impl BlobFiles, settings: BlobSettings) -> Self {
        Self { files: Arc::new(files), settings }
    }
}

/// What a host may choose of blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobSettings {
    retention: Retention,
    user: BlobQuota,
    business: BlobQuota,
}

impl BlobSettings {
    /// These settings with another retention, of two days at least; 30 days unless it is said.
    ///
    /// It is counted from the beginning of the day (UTC) on which an upload was begun, and the day goes as a
    /// whole: with 30 days each blob is there for 29 to 30. Shorter, and who has been away for long finds
    /// messages whose pictures are gone; longer takes as much more of the disk.
    ///
    /// # Errors
    /// When it is shorter than two days.
    pub fn with_retention(self, retention: Retention) -> Result<Self, RetentionTooShort> {
        match retention.span() < MIN_BLOB_RETENTION {
            true => Err(RetentionTooShort { retention }),
            false => Ok(Self { retention, ..self }),
        }
    }

    /// These settings with another quota for each user; [`BlobQuota::USER`] unless it is said.
    #[must_use]
    pub const fn with_user_quota(self, user: BlobQuota) -> Self {
        Self { user, ..self }
    }

    /// These settings with another quota for each business; [`BlobQuota::BUSINESS`] unless it is said.
    #[must_use]
    pub const fn with_business_quota(self, business: BlobQuota) -> Self {
        Self { business, ..self }
    }

    pub(super) fn quota_of(&self, address: &Address) -> &BlobQuota {
        match address.party() {
            Party::Business(_) => &self.business,
            _ => &self.user,
        }
    }

    /// When a blob of this day is read no more.
    pub(super) fn expiry(&self, day: Day) -> Expiry {
        self.retention.from(Timestamp::from_millis(0).after(DAY * day.number()))
    }

    /// The days on which a blob may stand, the newest first. A clock may have been a day ahead.
    pub(super) fn days(&self, now: Timestamp) -> impl Iterator<Item = Day> + use<> {
        let (settings, newest) = (*self, now.day().number().saturating_add(1));
        let days = (0..=BLOB_DAYS).filter_map(move |back| newest.checked_sub(back)).map(Day::from_number);
        days.filter(move |day| !settings.expiry(*day).has_come(now))
    }

    /// The first day that is not over: of complete blobs, and of those that are not.
    pub(super) fn oldest_days(&self, now: Timestamp) -> [Day; 2] {
        let complete = self.days(now).last().unwrap_or_else(|| now.day());
        [complete, now.day().minus(MAX_UPLOAD_DAYS - 1).max(complete)]
    }
}

impl Default for BlobSettings {
    fn default() -> Self {
        Self { retention: Retention::LONGEST, user: BlobQuota::USER, business: BlobQuota::BUSINESS }
    }
}

/// A retention that would end before an upload has to be done. The host's move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionTooShort {
    retention: Retention,
}

impl fmt::Display for RetentionTooShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blobs are kept for two days at least, not {} s", self.retention.span().as_secs())
    }
}

impl std::error::Error for RetentionTooShort {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_day_is_kept_for_longer_than_thirty_days_from_its_beginning() {
        let (settings, start) = (BlobSettings::default(), Timestamp::from_millis(0).after(DAY * 20_785));
        for hour in 0..24 {
            let now = start.after(Duration::from_secs(3600) * hour);
            let days: Vec<_> = settings.days(now).map(Day::number).collect();
            assert_eq!((days.first(), days.last()), (Some(&20_786), Some(&(20_785 - 29))), "{hour}");
            assert_eq!(settings.oldest_days(now).map(Day::number), [20_756, 20_784]);
        }
    }

    #[test]
    fn a_retention_of_two_days_can_be_had_and_no_shorter() {
        let with = |span| BlobSettings::default().with_retention(Retention::new(span).unwrap());
        let settings = with(MIN_BLOB_RETENTION).unwrap();
        let [complete, partial] = settings.oldest_days(Timestamp::from_millis(0).after(DAY * 9));
        assert_eq!((complete, partial), (Day::from_number(8), Day::from_number(8)));
        let refused = with(MIN_BLOB_RETENTION - Duration::from_millis(1)).unwrap_err();
        assert_eq!(refused.to_string(), "blobs are kept for two days at least, not 172799 s");
    }
}
