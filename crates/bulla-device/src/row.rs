//! What a device keeps so that nothing it or a business has said is lost on the way. Nothing here prints.

use std::fmt;

use bulla_base::{MessageId, PhoneNumberId, Timestamp};
use bulla_content::Content;
use bulla_endpoint::SessionName;
use bulla_envelope::MAX_RESENDS;
use bulla_store::{Key, StoreError};
use bytes::Bytes;
use prost::Message as _;

use crate::limits::{LONGEST_ASKED_FOR, MAX_RETRY_REQUESTS, wait_after};

/// The form of these rows: it stands before the protobuf.
const FORM: u8 = 1;

/// A message of the user, for as long as the business has not confirmed it.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct Unconfirmed {
    /// How often it was sent again.
    #[prost(uint32, tag = "1")]
    resends: u32,
    /// The session it was sealed in last.
    #[prost(bytes = "bytes", tag = "2")]
    session: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    words: Bytes,
}

impl Unconfirmed {
    const DAMAGED: StoreError = StoreError::Damaged { what: "unconfirmed message" };

    /// What `words` say, an encoded content that was sealed in `session`.
    pub(crate) fn new(session: Option<SessionName>, words: &[u8]) -> Self {
        Self { resends: 0, session: session_bytes(session), words: Bytes::copy_from_slice(words) }
    }

    /// Which time it is when it is sent again; nothing when it was sent as often as it ever is.
    pub(crate) fn next_resend(&self) -> Option<u8> {
        u8::try_from(self.resends).ok().filter(|resends| *resends < MAX_RESENDS).map(|resends| resends + 1)
    }

    pub(crate) fn was_sealed_in(&self, session: Option<SessionName>) -> bool {
        session.is_some_and(|session| self.session[..] == session)
    }

    /// Notes that it was sealed in `session`, to be sent again for the time number `resends`.
    pub(crate) fn resealed(&mut self, session: Option<SessionName>, resends: u8) {
        (self.resends, self.session) = (u32::from(resends), session_bytes(session));
    }

    pub(crate) fn content(&self) -> Result<Content, StoreError> {
        Content::decode(&self.words).map(|(content, _)| content).map_err(|_| Self::DAMAGED)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let Some((&FORM, row)) = bytes.split_first() else { return Err(Self::DAMAGED) };
        Self::decode(row).map_err(|_| Self::DAMAGED)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        with_form(self)
    }
}

impl fmt::Debug for Unconfirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unconfirmed(…)")
    }
}

fn session_bytes(session: Option<SessionName>) -> Bytes {
    session.map_or_else(Bytes::new, |session| Bytes::copy_from_slice(&session))
}

/// A message of a business that could not be opened, and was asked for again.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct Asked {
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

impl Asked {
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
        with_form(&self)
    }
}

/// Which message, exchanged with which business, the record under `key` is about.
pub(crate) fn subject(key: &Key) -> Result<(PhoneNumberId, MessageId), StoreError> {
    let damaged = || StoreError::Damaged { what: "name of a retry request" };
    let (business, id) = key.name().split_first_chunk().ok_or_else(damaged)?;
    let id = MessageId::from_bytes(id).map_err(|_| damaged())?;
    Ok((PhoneNumberId::new(u64::from_be_bytes(*business)), id))
}

fn with_form(row: &impl prost::Message) -> Bytes {
    let mut bytes = Vec::with_capacity(1 + row.encoded_len());
    bytes.push(FORM);
    bytes.extend_from_slice(&row.encode_to_vec());
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unconfirmed_comes_back_and_is_sent_again_five_times() {
        let mut row = Unconfirmed::new(Some([7; 8]), b"words");
        assert!(row.was_sealed_in(Some([7; 8])) && !row.was_sealed_in(Some([8; 8])));
        assert!(!row.was_sealed_in(None) && !Unconfirmed::new(None, b"").was_sealed_in(Some([0; 8])));
        for time in 1..=MAX_RESENDS {
            assert_eq!(row.next_resend(), Some(time));
            row.resealed(Some([time; 8]), time);
            row = Unconfirmed::read(&row.to_bytes()).unwrap();
            assert!(row.was_sealed_in(Some([time; 8])));
        }
        assert_eq!(row.next_resend(), None);
        assert_eq!(format!("{row:?}"), "Unconfirmed(…)");
    }

    #[test]
    fn what_was_asked_for_is_over_after_six_times_or_five_days_whichever_comes_first() {
        let now = Timestamp::from_millis(1_795_293_590_960);
        let mut asked = Asked::never(now);
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
        let unconfirmed = Unconfirmed::new(Some([7; 8]), b"words").to_bytes();
        let asked = Asked { times: 6, attempt: 5, next: 7, since: 3 };
        assert_eq!(Asked::read(&asked.to_bytes()).unwrap(), asked);
        let asked = asked.to_bytes();
        for bad in [&[][..], &[0], &[2, 8, 1], &[1, 0xff], &unconfirmed[..unconfirmed.len() - 1]] {
            assert!(matches!(Unconfirmed::read(bad), Err(StoreError::Damaged { .. })), "{bad:?}");
        }
        for bad in [&[][..], &[0], &[2, 8, 1], &[1, 0xff], &asked[..asked.len() - 1]] {
            assert!(matches!(Asked::read(bad), Err(StoreError::Damaged { .. })), "{bad:?}");
        }
    }
}
