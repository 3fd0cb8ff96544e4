use std::sync::Arc;
use std::time::Duration;

use bulla_base::Timestamp;

use crate::limits::{LEDGER_DAYS, LEDGER_MESSAGE_DAYS, MIN_LEDGER_DAYS};
use crate::{Hour, TagKey};

/// How a carrier or a relay keeps what both count of deliveries: the same settings for either.
///
/// Both need the same [`TagKey`], or no message of the one is found with the other. Who runs both draws one
/// and keeps it with the operator's other secrets; two who agree on bills hand it over with the keys that
/// they sign with.
///
/// # Cost
/// For each message that is delivered a counter of 33 bytes and its number, until messages are forgotten; for
/// each quarter of an hour, market and category in which something was, one of 17, until counts are.
#[derive(Debug, Clone)]
pub struct LedgerSettings {
    tags: Arc<TagKey>,
    count_days: u32,
    message_days: u32,
    ends_with_business: bool,
}

impl LedgerSettings {
    /// Tags by this key; counts for 400 days and messages for 100, whatever becomes of their business.
    #[must_use]
    pub fn new(tags: TagKey) -> Self {
        let (count_days, message_days) = (LEDGER_DAYS, LEDGER_MESSAGE_DAYS);
        Self { tags: Arc::new(tags), count_days, message_days, ends_with_business: false }
    }

    /// For how many days after a message was accepted it is counted. They are at least [`MIN_LEDGER_DAYS`].
    ///
    /// Default: 400, a year and what a bill of it may be disputed in. The law of bookkeeping may ask for
    /// more: a count is some 30 bytes, and there are at most 96 a day, market and category. With fewer, what
    /// was billed cannot be shown any more.
    #[must_use]
    pub fn keep_counts(mut self, days: u32) -> Self {
        self.count_days = days.max(MIN_LEDGER_DAYS);
        self
    }

    /// For how many days after it was accepted a message is found by its tag. They are at least
    /// [`MIN_LEDGER_DAYS`].
    ///
    /// Default: 100: until the statement of a month is signed, and what was said against it is looked into.
    /// More take some 50 bytes a message. With fewer, two sides that disagree know in which hour, and not
    /// about what.
    #[must_use]
    pub fn keep_messages(mut self, days: u32) -> Self {
        self.message_days = days.max(MIN_LEDGER_DAYS);
        self
    }

    /// What was counted of a business goes when it is erased. By default it stays until its time is over, for
    /// the last bill.
    #[must_use]
    pub fn end_with_business(mut self) -> Self {
        self.ends_with_business = true;
        self
    }

    /// What tags are made with.
    #[must_use]
    pub fn tags(&self) -> &TagKey {
        &self.tags
    }

    /// The first hour of which counts are kept at `now`.
    #[must_use]
    pub fn first_count(&self, now: Timestamp) -> Hour {
        before(now, self.count_days)
    }

    /// The first hour of which messages are kept at `now`.
    #[must_use]
    pub fn first_message(&self, now: Timestamp) -> Hour {
        before(now, self.message_days)
    }

    /// Whether an erased business takes its counts with it.
    #[must_use]
    pub const fn ends_with_business(&self) -> bool {
        self.ends_with_business
    }
}

fn before(now: Timestamp, days: u32) -> Hour {
    Hour::quarter(now.before(Duration::from_secs(u64::from(days) * 24 * 60 * 60)))
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn nothing_is_forgotten_that_may_still_be_counted() {
        let now = Timestamp::from_millis(1_795_293_590_960);
        let settings = LedgerSettings::new(TagKey::from_bytes(Zeroizing::new([7; 32])));
        let days = |hour: Hour| now.since(hour.begin()).as_secs() / 86_400;
        assert_eq!((days(settings.first_count(now)), days(settings.first_message(now))), (400, 100));
        let least = settings.clone().keep_counts(0).keep_messages(MIN_LEDGER_DAYS - 1);
        let least = (days(least.first_count(now)), days(least.first_message(now)));
        assert_eq!(least, (u64::from(MIN_LEDGER_DAYS), u64::from(MIN_LEDGER_DAYS)));
        let more = settings.keep_messages(MIN_LEDGER_DAYS + 1);
        assert_eq!(days(more.first_message(now)), u64::from(MIN_LEDGER_DAYS) + 1);
        assert!(!format!("{more:?}").contains("7, 7"), "{more:?}");
    }
}
