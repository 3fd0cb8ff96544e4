//! What a business has sent, kept so that the user can show it to the carrier.

use bulla_base::{Address, Category, Day, MessageId, PhoneNumberId};
use bulla_envelope::{Envelope, Kind};
use bulla_integrity::{MAX_REPORTED_MESSAGES, Reason, Report, ReportedMessage, Stamp};
use bulla_store::{Key, Retention, Store, StoreError};
use bulla_transport::Transport;
use bytes::Bytes;
use zeroize::Zeroizing;

use super::Inner;
use super::transaction::Transaction;
use crate::ReportError;
use crate::store_layout::REPORTABLE;

/// The code of a message among the kinds of envelopes.
const MESSAGE: u32 = 1;

impl Transaction {
    /// Keeps what a report of `envelope` takes, for as long as it can be reported. What came without a stamp
    /// cannot be.
    pub(super) fn keep_reportable(&mut self, business: PhoneNumberId, envelope: &Envelope, plaintext: &[u8]) {
        if let (Kind::Message(category), Some(stamp)) = (envelope.kind(), envelope.stamp()) {
            let row = [&[category.code()][..], stamp.as_bytes(), plaintext].concat();
            let key = reportable(self.now.day(), business, envelope.id());
            self.batch.put_until(key, row, Retention::LONGEST.from(self.now));
        }
    }
}

impl<S: Store, T: Transport> Inner<S, T> {
    /// Shows the carrier these messages of `business`.
    pub(super) async fn report(
        &self,
        business: PhoneNumberId,
        messages: &[MessageId],
        (reason, blocks): (Reason, bool),
    ) -> Result<(), ReportError> {
        let (actual, limit) = (messages.len(), MAX_REPORTED_MESSAGES);
        if actual > limit {
            return Err(ReportError::TooMany { actual, limit });
        }
        let mut reported = Vec::with_capacity(actual);
        for id in messages {
            let row = self.kept_for_report(business, *id).await?;
            let row = row.ok_or(ReportError::NotKept { id: *id })?;
            reported.push(read(business, *id, &row)?);
        }
        let report = Report::new(reason, reported).map_err(ReportError::Invalid)?;
        let report = if blocks { report.and_block() } else { report };
        self.transport.report(&self.caller, report.to_bytes().to_vec().into()).await?;
        Ok(())
    }
}

impl<S: Store, T: Transport> Inner<S, T> {
    /// What was kept of a message. It stands on the day on which it came, which its id does not tell: whoever
    /// has sent it has dated that.
    async fn kept_for_report(
        &self,
        business: PhoneNumberId,
        id: MessageId,
    ) -> Result<Option<Bytes>, StoreError> {
        let now = self.clock.now();
        let oldest = now.before(Retention::LONGEST.span()).day().number();
        for day in (oldest..=now.day().number()).rev() {
            let key = reportable(Day::from_number(day), business, id);
            if let Some(row) = self.store.get(self.home, &key, now).await? {
                return Ok(Some(row.value));
            }
        }
        Ok(None)
    }
}

fn reportable(day: Day, business: PhoneNumberId, id: MessageId) -> Key {
    Key::dated(REPORTABLE, day, [&business.number().to_be_bytes()[..], id.as_bytes()].concat())
}

/// Reads a row as it was kept.
fn read(business: PhoneNumberId, id: MessageId, row: &[u8]) -> Result<ReportedMessage, StoreError> {
    let read = || {
        let ([category], rest) = row.split_first_chunk()?;
        let (stamp, plaintext) = rest.split_first_chunk::<{ Stamp::BYTES }>()?;
        let (category, stamp) = (Category::from_code(*category)?, Stamp::from_bytes(stamp).ok()?);
        let (from, plaintext) = (Address::business(business), Zeroizing::new(plaintext.to_vec()));
        ReportedMessage::new(id, from, MESSAGE, Some(category), stamp, plaintext).ok()
    };
    read().ok_or(StoreError::Damaged { what: "what a report takes" })
}
