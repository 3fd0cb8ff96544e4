use bulla_base::{MessageId, PhoneNumberId, Timestamp};
use bulla_store::{Key, StoreError};
use bytes::Bytes;
use prost::Message as _;

use crate::limits::{LONGEST_ASKED_FOR, MAX_RETRY_REQUESTS, wait_after};

/// The form of the row: it stands before the protobuf.
const FORM: u8 = 1;

/// A message of a business that could not be opened, and was asked for again.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct RetryRequest {
    /// How often.
    #[prost(uint32, tag = "1")]
    pub(crate) times: u32,
    /// The last time it was sent that could not be opened.
    #[prost(uint32, tag = "2")]
    pub(crate) attempt: u32,
    /// When it is asked for once more, in milliseconds.
    #[prost(uint64, tag = "3")]
    next: u64,
    /// When it was asked for first, in milliseconds.
    #[prost(uint64, tag = "4")]
    since: u64,
}

impl RetryRequest {
    const DAMAGED: StoreError = StoreError::Damaged { what: "retry request" };

    /// What was not asked for yet, at `now`.
    pub(crate) fn never(now: Timestamp) -> Self {
        Self { times: 0, attempt: 0, next: now.as_millis(), since: now.as_millis() }
    }

    /// The same, asked for once more at `now`, since what came at the time number `attempt` does not open
    /// either.
    pub(crate) fn once_more(self, attempt: u32, now: Timestamp) -> Self {
        let times = self.times.saturating_add(1);
        Self { times, attempt, next: now.after(wait_after(times)).as_millis(), ..self }
    }

    /// Whether it was asked for as often as any is, or for as long, at `now`.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.times > MAX_RETRY_REQUESTS || now >= Timestamp::from_millis(self.since).after(LONGEST_ASKED_FOR)
    }

    /// The same, not to be asked for any more.
    pub(crate) const fn over(self) -> Self {
        Self { times: MAX_RETRY_REQUESTS + 1, ..self }
    }

    pub(crate) const fn next(&self) -> Timestamp {
        Timestamp::from_millis(self.next)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let Some((&FORM, row)) = bytes.split_first() else { return Err(Self::DAMAGED) };
        Self::decode(row).map_err(|_| Self::DAMAGED)
    }

    pub(crate) fn to_bytes(self) -> Bytes {
        let mut bytes = Vec::with_capacity(1 + self.encoded_len());
        bytes.push(FORM);
        bytes.extend_from_slice(&self.encode_to_vec());
        bytes.into()
    }
}

/// Which message, exchanged with which business, the record under `key` is about.
pub(crate) fn subject(key: &Key) -> Result<(PhoneNumberId, MessageId), StoreError> {
    let damaged = || StoreError::Damaged { what: "name of a retry request" };
    let (business, id) = key.name().split_first_chunk().ok_or_else(damaged)?;
    let id = MessageId::from_bytes(id).map_err(|_| damaged())?;
    Ok((PhoneNumberId::new(u64::from_be_bytes(*business)), id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_over_after_six_times_or_five_days_whichever_comes_first() {
        let now = Timestamp::from_millis(1_795_293_590_960);
        let mut asked = RetryRequest::never(now);
        for _ in 0..MAX_RETRY_REQUESTS {
            assert!(!asked.is_over(now));
            asked = asked.once_more(0, now);
        }
        assert!(!asked.is_over(now) && asked.once_more(0, now).is_over(now));
        let end = now.after(LONGEST_ASKED_FOR);
        assert!(!asked.is_over(end.before(std::time::Duration::from_millis(1))) && asked.is_over(end));
        assert!(asked.next() < end, "the last wait fits");
    }

    #[test]
    fn rows_of_another_form_and_cut_ones_are_damaged_and_none_panics() {
        let asked = RetryRequest { times: 6, attempt: 5, next: 7, since: 3 };
        assert_eq!(RetryRequest::read(&asked.to_bytes()).unwrap(), asked);
        let asked = asked.to_bytes();
        for bad in [&[][..], &[0], &[2, 8, 1], &[1, 0xff], &asked[..asked.len() - 1]] {
            assert!(matches!(RetryRequest::read(bad), Err(StoreError::Damaged { .. })), "{bad:?}");
        }
    }
}
