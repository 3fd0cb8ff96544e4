use std::fmt;

use bulla_content::Content;
use bulla_envelope::MAX_RESENDS;
use bulla_store::StoreError;
use bytes::Bytes;
use prost::Message as _;

use crate::SessionName;

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
}

impl Unconfirmed {
    /// What `words` say, an encoded content that was sealed in `session`.
    #[must_use]
    pub fn new(session: Option<SessionName>, words: Bytes) -> Self {
        Self { resends: 0, session: session_bytes(session), words }
    }

    /// Which time it is when it is sent again; nothing when it was sent as often as it ever is.
    #[must_use]
    pub fn next_resend(&self) -> Option<u8> {
        u8::try_from(self.resends).ok().filter(|resends| *resends < MAX_RESENDS).map(|resends| resends + 1)
    }

    /// Whether it was sealed last in `session`.
    #[must_use]
    pub fn was_sealed_in(&self, session: Option<SessionName>) -> bool {
        session.is_some_and(|session| self.session[..] == session)
    }

    /// Notes that it was sealed in `session`, to be sent again for the time number `resends`.
    pub fn resealed(&mut self, session: Option<SessionName>, resends: u8) {
        (self.resends, self.session) = (u32::from(resends), session_bytes(session));
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

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// When it is damaged, or of another form.
    pub fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let Some((&FORM, row)) = bytes.split_first() else { return Err(Self::DAMAGED) };
        Self::decode(row).map_err(|_| Self::DAMAGED)
    }

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
        let mut row = Unconfirmed::new(Some([7; 8]), Bytes::from_static(b"words"));
        assert!(row.was_sealed_in(Some([7; 8])) && !row.was_sealed_in(Some([8; 8])));
        assert!(
            !row.was_sealed_in(None) && !Unconfirmed::new(None, Bytes::new()).was_sealed_in(Some([0; 8]))
        );
        for time in 1..=MAX_RESENDS {
            assert_eq!(row.next_resend(), Some(time));
            row.resealed(Some([time; 8]), time);
            row = Unconfirmed::read(&row.to_bytes()).unwrap();
            assert!(row.was_sealed_in(Some([time; 8])));
        }
        assert_eq!(row.next_resend(), None);
        row.resends = u32::MAX;
        assert_eq!(row.next_resend(), None);
        assert_eq!(format!("{row:?}"), "Unconfirmed(…)");
    }

    #[test]
    fn rows_of_another_form_and_cut_ones_are_damaged_and_none_panics() {
        let row = Unconfirmed::new(Some([7; 8]), Bytes::from_static(b"words")).to_bytes();
        for bad in [&[][..], &[0], &[2, 8, 1], &[1, 0xff], &row[..row.len() - 1]] {
            assert!(matches!(Unconfirmed::read(bad), Err(StoreError::Damaged { .. })), "{bad:?}");
        }
    }
}
