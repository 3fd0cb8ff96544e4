use std::fmt;

use bulla_base::Timestamp;
use bulla_content::Content;
use bulla_envelope::MAX_RESENDS;
use bulla_store::StoreError;
use bytes::Bytes;
use prost::Message as _;

use crate::SessionName;
use crate::limits::FIRST_WAIT;

/// The form of the row: it stands before the protobuf.
const FORM: u8 = 1;

/// What a message says, and in which session it was sealed, for as long as its peer has not confirmed it: so
/// that it can be sealed again.
///
/// As it is stored:
///
/// ```text
/// 1 ‖ protobuf
/// ```
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct Unconfirmed {
    /// How often it was sent again.
    #[prost(uint32, tag = "1")]
    resends: u32,
    /// The session it was sealed in last.
    #[prost(bytes = "bytes", tag = "2")]
    session: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    words: Bytes,
    /// When it was sent again last, in milliseconds.
    #[prost(uint64, tag = "4")]
    resent: u64,
    /// Of which generation the carrier's store was when it was sealed last.
    #[prost(uint64, tag = "5")]
    carrier: u64,
    /// Its place among others of its sender: ids of one millisecond tell no order.
    #[prost(uint64, tag = "6")]
    place: u64,
}

/// What there is to do about a message that is asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "who is asked has to do each of them")]
pub enum Resend {
    /// It is sent again, for the time with this number.
    Due(u8),
    /// It is on its way: who asks has not seen what was sent last.
    UnderWay,
    /// It was sent as often as it ever is: it is lost.
    Over,
    /// It is lost, and that was told.
    Told,
}

impl Unconfirmed {
    /// What `words` say, an encoded content that was sealed in `session` while the carrier's store was of the
    /// generation `carrier`.
    #[must_use]
    pub fn new(session: Option<SessionName>, words: Bytes, carrier: u64) -> Self {
        Self { resends: 0, session: session_bytes(session), words, resent: 0, carrier, place: 0 }
    }

    /// A message that is lost, which was told to whoever wrote it.
    #[must_use]
    pub const fn lost() -> Self {
        let words = Bytes::new();
        Self {
            resends: MAX_RESENDS as u32 + 1,
            session: Bytes::new(),
            words,
            resent: 0,
            carrier: 0,
            place: 0,
        }
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// When it is damaged, or of another form.
    pub fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let Some((&FORM, row)) = bytes.split_first() else { return Err(Self::DAMAGED) };
        Self::decode(row).map_err(|_| Self::DAMAGED)
    }

    /// The same, at this place among others of its sender.
    #[must_use]
    pub const fn at_place(mut self, place: u64) -> Self {
        self.place = place;
        self
    }

    /// Its place among others of its sender, 0 if it was given none.
    #[must_use]
    pub const fn place(&self) -> u64 {
        self.place
    }

    /// Which time it is when it is sent again; nothing when it was sent as often as it ever is.
    #[must_use]
    pub fn next_resend(&self) -> Option<u8> {
        u8::try_from(self.resends).ok().filter(|resends| *resends < MAX_RESENDS).map(|resends| resends + 1)
    }

    /// What to do at `now`, when it is asked for because the time number `attempt` did not open.
    ///
    /// Requests are repeated while they are not answered, and wait with the carrier while this side is away:
    /// then several come at once, and one answer serves all of them.
    #[must_use]
    pub fn asked_for(&self, attempt: u8, now: Timestamp) -> Resend {
        let is_awaited = now < Timestamp::from_millis(self.resent).after(FIRST_WAIT);
        if self.resends > u32::from(MAX_RESENDS) {
            return Resend::Told;
        }
        match self.next_resend() {
            _ if u32::from(attempt) < self.resends && is_awaited => Resend::UnderWay,
            Some(time) => Resend::Due(time),
            None => Resend::Over,
        }
    }

    /// Whether it was sealed last in `session`.
    #[must_use]
    pub fn was_sealed_in(&self, session: Option<SessionName>) -> bool {
        session.is_some_and(|session| self.session[..] == session)
    }

    /// Which time it is when it is sent again because the carrier's store is of the generation `carrier` now;
    /// nothing when it was sealed in that, or sent as often as it ever is.
    #[must_use]
    pub fn resend_in(&self, carrier: u64) -> Option<u8> {
        self.next_resend().filter(|_| self.carrier != carrier)
    }

    /// Notes that it is not lost with a carrier whose store is of the generation `carrier` now, though it was
    /// not sealed anew.
    pub const fn kept_in(&mut self, carrier: u64) {
        self.carrier = carrier;
    }

    /// Notes that it was sealed in `session` at `now`, to be sent again for the time number `resends`, while
    /// the carrier's store was of the generation `carrier`.
    pub fn resealed(&mut self, session: Option<SessionName>, resends: u8, now: Timestamp, carrier: u64) {
        (self.resends, self.session) = (u32::from(resends), session_bytes(session));
        (self.resent, self.carrier) = (now.as_millis(), carrier);
    }

    /// What it says.
    ///
    /// # Errors
    /// When that is damaged.
    pub fn content(&self) -> Result<Content, StoreError> {
        let decoded = Content::decode(&self.words).map(|(content, _)| content);
        decoded.map_err(|_| Self::DAMAGED)
    }

    const DAMAGED: StoreError = StoreError::Damaged { what: "unconfirmed message" };

    /// As it is stored.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(1 + self.encoded_len());
        bytes.push(FORM);
        bytes.extend_from_slice(&self.encode_to_vec());
        bytes.into()
    }
}

fn session_bytes(session: Option<SessionName>) -> Bytes {
    session.map_or_else(Bytes::new, |session| Bytes::copy_from_slice(&session))
}

impl fmt::Debug for Unconfirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unconfirmed(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unconfirmed_message_comes_back_and_is_sent_again_five_times() {
        let mut row = Unconfirmed::new(Some([7; 8]), Bytes::from_static(b"words"), 0);
        assert!(row.was_sealed_in(Some([7; 8])) && !row.was_sealed_in(Some([8; 8])));
        assert!(
            !row.was_sealed_in(None) && !Unconfirmed::new(None, Bytes::new(), 0).was_sealed_in(Some([0; 8]))
        );
        for time in 1..=MAX_RESENDS {
            assert_eq!(row.next_resend(), Some(time));
            row.resealed(Some([time; 8]), time, Timestamp::from_millis(0), 0);
            row = Unconfirmed::read(&row.to_bytes()).unwrap();
            assert!(row.was_sealed_in(Some([time; 8])));
        }
        assert_eq!(row.next_resend(), None);
        row.resends = u32::MAX;
        assert_eq!(row.next_resend(), None);
        assert_eq!(format!("{row:?}"), "Unconfirmed(…)");
    }

    /// A device that was off for days found six requests for one message: it answered five, and told its user
    /// that the message was lost.
    #[test]
    fn requests_that_come_together_are_answered_once() {
        let now = Timestamp::from_millis(1_795_293_590_960);
        let mut row = Unconfirmed::new(Some([7; 8]), Bytes::new(), 0);
        assert_eq!(row.asked_for(0, now), Resend::Due(1));
        row.resealed(None, 1, now, 0);
        let end = now.after(FIRST_WAIT);
        let before = end.before(std::time::Duration::from_millis(1));
        assert_eq!(row.asked_for(0, before), Resend::UnderWay);
        assert_eq!(row.asked_for(0, end), Resend::Due(2), "that was lost as well");
        assert_eq!(row.asked_for(1, now), Resend::Due(2), "what was sent last does not open either");
        row.resealed(None, MAX_RESENDS, now, 0);
        assert_eq!(row.asked_for(MAX_RESENDS - 1, before), Resend::UnderWay);
        assert_eq!(row.asked_for(MAX_RESENDS, before), Resend::Over);
        assert_eq!(row.asked_for(0, end), Resend::Over);
        assert_eq!(Unconfirmed::lost().asked_for(0, now), Resend::Told);
        assert_eq!(Unconfirmed::lost().next_resend(), None);
    }

    #[test]
    fn a_carrier_that_was_put_back_is_given_a_message_once_more_and_once_only() {
        let mut row = Unconfirmed::new(None, Bytes::new(), 3);
        assert_eq!((row.resend_in(3), row.resend_in(4), row.resend_in(0)), (None, Some(1), Some(1)));
        row.resealed(None, 1, Timestamp::from_millis(7), 4);
        row = Unconfirmed::read(&row.to_bytes()).unwrap();
        assert_eq!((row.resend_in(4), row.resend_in(5)), (None, Some(2)));
        row.resealed(None, MAX_RESENDS, Timestamp::from_millis(7), 4);
        assert_eq!(row.resend_in(5), None);
        assert_eq!(Unconfirmed::lost().resend_in(5), None);
    }

    #[test]
    fn rows_of_another_form_and_cut_ones_are_damaged_and_none_panics() {
        let row = Unconfirmed::new(Some([7; 8]), Bytes::from_static(b"words"), 0).to_bytes();
        for bad in [&[][..], &[0], &[2, 8, 1], &[1, 0xff], &row[..row.len() - 1]] {
            assert!(matches!(Unconfirmed::read(bad), Err(StoreError::Damaged { .. })), "{bad:?}");
        }
    }
}
