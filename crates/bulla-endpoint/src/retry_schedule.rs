use std::time::Duration;

use bulla_base::Timestamp;
use bulla_store::StoreError;
use bytes::Bytes;
use prost::Message as _;

use crate::limits::{FIRST_WAIT, LONGEST_ASKED_FOR, MAX_RETRY_REQUESTS};

/// The form of the row: it stands before the protobuf.
const FORM: u8 = 1;

/// How often a message that could not be opened was asked for, and when it is asked for once more: a request
/// may be lost as well, for instance with the store of who is asked.
///
/// As it is stored, alone or as a part of a row:
///
/// ```text
/// 1 ‖ protobuf
/// ```
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct RetrySchedule {
    #[prost(uint32, tag = "1")]
    times: u32,
    #[prost(uint32, tag = "2")]
    attempt: u32,
    /// When it is asked for once more, in milliseconds.
    #[prost(uint64, tag = "3")]
    next: u64,
    /// When it was asked for first, in milliseconds.
    #[prost(uint64, tag = "4")]
    since: u64,
}

impl RetrySchedule {
    /// Of what was not asked for yet, at `now`.
    #[must_use]
    pub fn never(now: Timestamp) -> Self {
        Self { times: 0, attempt: 0, next: now.as_millis(), since: now.as_millis() }
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// When it is damaged, or of another form.
    pub fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let Some((&FORM, row)) = bytes.split_first() else { return Err(Self::DAMAGED) };
        Self::decode(row).map_err(|_| Self::DAMAGED)
    }

    /// The same, asked for once more at `now`, since what came at the time number `attempt` does not open
    /// either.
    #[must_use]
    pub fn once_more(self, attempt: u8, now: Timestamp) -> Self {
        let times = self.times.saturating_add(1);
        Self { times, attempt: attempt.into(), next: now.after(wait_after(times)).as_millis(), ..self }
    }

    /// The same, not to be asked for any more.
    #[must_use]
    pub const fn over(self) -> Self {
        Self { times: MAX_RETRY_REQUESTS + 1, ..self }
    }

    /// Whether it was asked for as often as any is, or for as long, at `now`.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.times > MAX_RETRY_REQUESTS || now >= Timestamp::from_millis(self.since).after(LONGEST_ASKED_FOR)
    }

    /// Whether it is not asked for any more, as [`over`](Self::over) or one request too many has noted.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.times > MAX_RETRY_REQUESTS
    }

    /// Whether what came at the time number `attempt` was asked for already, or something that came later.
    #[must_use]
    pub fn covers(&self, attempt: u8) -> bool {
        self.times > 0 && self.attempt >= u32::from(attempt)
    }

    /// The last time it was sent that could not be opened; of a damaged row the last that there is.
    #[must_use]
    pub fn attempt(&self) -> u8 {
        u8::try_from(self.attempt).unwrap_or(u8::MAX)
    }

    /// When it is asked for once more.
    #[must_use]
    pub const fn next(&self) -> Timestamp {
        Timestamp::from_millis(self.next)
    }

    const DAMAGED: StoreError = StoreError::Damaged { what: "retry schedule" };

    /// As it is stored.
    #[must_use]
    pub fn to_bytes(self) -> Bytes {
        let mut bytes = Vec::with_capacity(1 + self.encoded_len());
        bytes.push(FORM);
        bytes.extend_from_slice(&self.encode_to_vec());
        bytes.into()
    }
}

/// How long to wait after a message was asked for the time number `times`.
fn wait_after(times: u32) -> Duration {
    FIRST_WAIT.saturating_mul(4_u32.saturating_pow(times.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_four_times_as_long_as_the_one_before_it() {
        let waits: Vec<u64> = (0..=MAX_RETRY_REQUESTS).map(|times| wait_after(times).as_secs()).collect();
        assert_eq!(waits, [300, 300, 1200, 4800, 19_200, 76_800, 307_200]);
        assert_eq!(wait_after(u32::MAX), FIRST_WAIT.saturating_mul(u32::MAX));
    }

    #[test]
    fn asking_is_over_after_six_times_or_five_days_whichever_comes_first() {
        let now = Timestamp::from_millis(1_795_293_590_960);
        let mut asked = RetrySchedule::never(now);
        for _ in 0..MAX_RETRY_REQUESTS {
            assert!(!asked.is_over(now));
            asked = asked.once_more(0, now);
        }
        assert!(!asked.is_over(now) && asked.once_more(0, now).is_over(now));
        let end = now.after(LONGEST_ASKED_FOR);
        assert!(!asked.is_over(end.before(Duration::from_millis(1))) && asked.is_over(end));
        assert!(asked.next() < end, "the last wait fits");
        assert!(!asked.has_ended() && asked.over().has_ended() && asked.once_more(0, now).has_ended());
    }

    #[test]
    fn rows_of_another_form_and_cut_ones_are_damaged_and_none_panics() {
        let asked = RetrySchedule { times: 6, attempt: 5, next: 7, since: 3 };
        assert_eq!(RetrySchedule::read(&asked.to_bytes()).unwrap(), asked);
        let asked = asked.to_bytes();
        for bad in [&[][..], &[0], &[2, 8, 1], &[1, 0xff], &asked[..asked.len() - 1]] {
            assert!(matches!(RetrySchedule::read(bad), Err(StoreError::Damaged { .. })), "{bad:?}");
        }
    }

    #[test]
    fn what_came_before_the_last_that_was_asked_for_is_covered() {
        let now = Timestamp::from_millis(5);
        let never = RetrySchedule::never(now);
        assert!(!never.covers(0), "nothing was asked for");
        let asked = never.once_more(2, now);
        assert_eq!([1, 2, 3].map(|attempt| asked.covers(attempt)), [true, true, false]);
    }
}
