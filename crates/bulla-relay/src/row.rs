//! What the relay's records hold. The field numbers are for ever; nothing here prints.

use std::fmt;

use bulla_base::{Category, MessageId, Number, Timestamp};
use bulla_content::Content;
use bulla_endpoint::SessionName;
use bulla_envelope::MAX_RESENDS;
use bulla_store::{QueueIndex, StoreError};
use bytes::Bytes;
use prost::Message as _;

use crate::{Failure, Status};

/// How far a message of the business has come, as it is stored. Only ever replaced by a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Accepted,
    Reached(Status),
}

impl Stage {
    const fn code(self) -> u32 {
        match self {
            Self::Accepted => 1,
            Self::Reached(Status::Sent) => 2,
            Self::Reached(Status::Delivered) => 3,
            Self::Reached(Status::Read) => 4,
            Self::Reached(Status::Failed(Failure::Undeliverable)) => 5,
            Self::Reached(Status::Failed(Failure::Expired)) => 6,
            Self::Reached(Status::Failed(Failure::NotOpened)) => 7,
        }
    }

    /// Whether a message at this stage can still come to `status`: forward only, and nothing fails that has
    /// arrived.
    pub(crate) fn may_reach(self, status: Status) -> bool {
        let over = self >= Self::Reached(Status::Delivered);
        self < Self::Reached(status) && !(over && matches!(status, Status::Failed(_)))
    }

    const fn from_code(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Accepted),
            2 => Some(Self::Reached(Status::Sent)),
            3 => Some(Self::Reached(Status::Delivered)),
            4 => Some(Self::Reached(Status::Read)),
            5 => Some(Self::Reached(Status::Failed(Failure::Undeliverable))),
            6 => Some(Self::Reached(Status::Failed(Failure::Expired))),
            7 => Some(Self::Reached(Status::Failed(Failure::NotOpened))),
            _ => None,
        }
    }
}

/// A message of the business.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct Outbound {
    #[prost(uint32, tag = "1")]
    stage: u32,
    #[prost(string, tag = "2")]
    to: String,
    #[prost(uint32, tag = "3")]
    category: u32,
    #[prost(string, optional, tag = "4")]
    pub(crate) tracking: Option<String>,
    #[prost(uint64, tag = "7")]
    pub(crate) outbox_place: u64,
    /// Of a reaction the business is told that it was sent, and no more.
    #[prost(bool, tag = "8")]
    pub(crate) reaction: bool,
    /// Whether it is not sealed yet, and its place is one among those that are held.
    #[prost(bool, tag = "9")]
    pub(crate) held: bool,
    /// When it fails, if it has not arrived.
    #[prost(uint64, tag = "10")]
    due: u64,
}

impl Outbound {
    pub(crate) fn new(to: &Number, category: Category, tracking: Option<String>, due: Timestamp) -> Self {
        Self {
            stage: Stage::Accepted.code(),
            to: to.digits().to_owned(),
            category: u32::from(category.code()),
            tracking,
            outbox_place: 0,
            reaction: false,
            held: false,
            due: due.as_millis(),
        }
    }

    pub(crate) fn stage(&self) -> Result<Stage, StoreError> {
        Stage::from_code(self.stage).ok_or(StoreError::Damaged { what: "message" })
    }

    pub(crate) fn reach(&mut self, status: Status) {
        self.stage = Stage::Reached(status).code();
    }

    pub(crate) fn of_category(&self) -> Result<Category, StoreError> {
        category(self.category)
    }

    /// When it fails, if it has not arrived.
    pub(crate) const fn due(&self) -> Timestamp {
        Timestamp::from_millis(self.due)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(bytes).map_err(|_| StoreError::Damaged { what: "message" })
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }
}

/// The form of what is unconfirmed, and of what was asked for.
const FORM: u8 = 1;

/// What a message of the business says, for as long as the user's device has not confirmed it.
///
/// ```text
/// 1 ‖ protobuf
/// ```
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
    /// What `words` say, an encoded content that was sealed in `session`.
    pub(crate) fn new(session: Option<SessionName>, words: Bytes) -> Self {
        Self { resends: 0, session: session_bytes(session), words }
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
        let decoded = Content::decode(&self.words).map(|(content, _)| content);
        decoded.map_err(|_| Self::DAMAGED)
    }

    const DAMAGED: StoreError = StoreError::Damaged { what: "unconfirmed message" };

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let Some((&FORM, row)) = bytes.split_first() else { return Err(Self::DAMAGED) };
        Self::decode(row).map_err(|_| Self::DAMAGED)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        with_form(self)
    }
}

fn session_bytes(session: Option<SessionName>) -> Bytes {
    session.map_or_else(Bytes::new, |session| Bytes::copy_from_slice(&session))
}

fn with_form(row: &impl prost::Message) -> Bytes {
    let mut bytes = Vec::with_capacity(1 + row.encoded_len());
    bytes.push(FORM);
    bytes.extend_from_slice(&row.encode_to_vec());
    bytes.into()
}

/// A message of a user that could not be opened, and how often it was asked for again.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Asked {
    #[prost(uint32, tag = "1")]
    pub(crate) times: u32,
    /// The last time it was sent that could not be opened.
    #[prost(uint32, tag = "2")]
    pub(crate) attempt: u32,
}

impl Asked {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = StoreError::Damaged { what: "retry request" };
        let Some((&FORM, row)) = bytes.split_first() else { return Err(damaged) };
        Self::decode(row).map_err(|_| damaged)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        with_form(self)
    }
}

/// Which places there are in a conversation's queues, and on which day each stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Head {
    pub(crate) outbox: QueueIndex,
    pub(crate) events: QueueIndex,
    pub(crate) held: QueueIndex,
}

/// As it is stored; nothing for a queue in which nothing was ever put. What an earlier version wrote under
/// these numbers is no bytes, and not read.
#[derive(Clone, PartialEq, prost::Message)]
struct HeadRow {
    #[prost(bytes = "vec", tag = "1")]
    outbox: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    events: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    held: Vec<u8>,
}

impl Head {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let row = HeadRow::decode(bytes).map_err(|_| StoreError::Damaged { what: "conversation" })?;
        let index = |bytes: &[u8]| match bytes {
            [] => Ok(QueueIndex::new()),
            bytes => QueueIndex::from_bytes(bytes),
        };
        Ok(Self { outbox: index(&row.outbox)?, events: index(&row.events)?, held: index(&row.held)? })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let bytes = |index: &QueueIndex| if index.last() == 0 { Vec::new() } else { index.to_bytes() };
        let [outbox, events, held] = [&self.outbox, &self.events, &self.held].map(bytes);
        HeadRow { outbox, events, held }.encode_to_vec()
    }
}

/// Something for a user whose new identity waits for approval: a message of the business, or a receipt.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct Held {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    /// Of a message; a receipt has none.
    #[prost(uint32, optional, tag = "2")]
    category: Option<u32>,
    #[prost(bytes = "bytes", tag = "3")]
    words: Bytes,
    /// Of a message that was sealed before: it is unconfirmed, and what it says stands there.
    #[prost(bool, tag = "4")]
    pub(crate) again: bool,
}

impl Held {
    pub(crate) fn new(id: MessageId, category: Option<Category>, words: Bytes) -> Self {
        let category = category.map(|category| u32::from(category.code()));
        Self { id: Bytes::copy_from_slice(id.as_bytes()), category, words, again: false }
    }

    /// A message that is to be sent again.
    pub(crate) fn again(id: MessageId, category: Category) -> Self {
        Self { again: true, ..Self::new(id, Some(category), Bytes::new()) }
    }

    pub(crate) fn id(&self) -> Result<MessageId, StoreError> {
        MessageId::from_bytes(&self.id).map_err(|_| StoreError::Damaged { what: "held message" })
    }

    pub(crate) fn of_category(&self) -> Result<Option<Category>, StoreError> {
        self.category.map(category).transpose()
    }

    pub(crate) fn content(&self) -> Result<Content, StoreError> {
        let decoded = Content::decode(&self.words).map(|(content, _)| content);
        decoded.map_err(|_| StoreError::Damaged { what: "held message" })
    }

    /// What it says, now that it is sealed in `session`.
    pub(crate) fn unconfirmed(&self, session: Option<SessionName>) -> Unconfirmed {
        Unconfirmed::new(session, self.words.clone())
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(bytes).map_err(|_| StoreError::Damaged { what: "held message" })
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }
}

/// An event the business does not have yet: something said, or a status.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct Pending {
    #[prost(bytes = "bytes", tag = "1")]
    message: Bytes,
    #[prost(string, tag = "2")]
    user: String,
    #[prost(uint64, tag = "3")]
    at: u64,
    #[prost(bytes = "bytes", optional, tag = "4")]
    words: Option<Bytes>,
    #[prost(uint32, tag = "5")]
    stage: u32,
    #[prost(uint32, tag = "6")]
    category: u32,
    #[prost(string, optional, tag = "7")]
    pub(crate) tracking: Option<String>,
}

impl Pending {
    pub(crate) fn said(message: MessageId, user: &Number, at: Timestamp, content: Bytes) -> Self {
        Self {
            message: Bytes::copy_from_slice(message.as_bytes()),
            user: user.digits().to_owned(),
            at: at.as_millis(),
            words: Some(content),
            ..Self::default()
        }
    }

    pub(crate) fn reached(message: MessageId, outbound: &Outbound, at: Timestamp, status: Status) -> Self {
        Self {
            message: Bytes::copy_from_slice(message.as_bytes()),
            user: outbound.to.clone(),
            at: at.as_millis(),
            words: None,
            stage: Stage::Reached(status).code(),
            category: outbound.category,
            tracking: outbound.tracking.clone(),
        }
    }

    pub(crate) fn message(&self) -> Result<MessageId, StoreError> {
        MessageId::from_bytes(&self.message).map_err(|_| damaged())
    }

    pub(crate) fn user(&self) -> Result<Number, StoreError> {
        Number::parse(&self.user).map_err(|_| damaged())
    }

    pub(crate) const fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }

    /// What was said, if the event is that.
    pub(crate) fn what_was_said(&self) -> Result<Option<Content>, StoreError> {
        let Some(content) = &self.words else { return Ok(None) };
        Content::decode(content).map(|(content, _)| Some(content)).map_err(|_| damaged())
    }

    pub(crate) fn status(&self) -> Result<Status, StoreError> {
        match Stage::from_code(self.stage) {
            Some(Stage::Reached(status)) => Ok(status),
            _ => Err(damaged()),
        }
    }

    pub(crate) fn of_category(&self) -> Result<Category, StoreError> {
        category(self.category)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(bytes).map_err(|_| damaged())
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }
}

fn category(code: u32) -> Result<Category, StoreError> {
    let code = u8::try_from(code).ok();
    code.and_then(Category::from_code).ok_or(StoreError::Damaged { what: "category" })
}

fn damaged() -> StoreError {
    StoreError::Damaged { what: "event" }
}

macro_rules! silent {
    ($($row:ident),*) => {$(
        impl fmt::Debug for $row {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($row), "(…)"))
            }
        }
    )*};
}

silent!(Held, Outbound, Pending, Unconfirmed);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_come_back_from_their_codes_and_only_go_forward() {
        let stages: Vec<Stage> = (1..=7).filter_map(Stage::from_code).collect();
        assert_eq!(stages.len(), 7);
        assert!(stages.windows(2).all(|pair| pair[0] < pair[1]), "later stages compare greater");
        assert!(stages.iter().zip(1..).all(|(stage, code)| stage.code() == code));
        let delivered = Stage::Reached(Status::Delivered);
        assert!(delivered.may_reach(Status::Read) && !delivered.may_reach(Status::Failed(Failure::Expired)));
        let failed = Stage::Reached(Status::Failed(Failure::Undeliverable));
        assert!(!failed.may_reach(Status::Read) && !failed.may_reach(Status::Failed(Failure::Expired)));
        assert_eq!(Stage::from_code(0), None);
        assert_eq!(Stage::from_code(8), None);
    }

    #[test]
    fn what_is_unconfirmed_comes_back_and_is_sent_again_five_times() {
        let words = Bytes::from_static(b"words");
        let mut row = Unconfirmed::new(Some([7; 8]), words);
        assert!(row.was_sealed_in(Some([7; 8])) && !row.was_sealed_in(Some([8; 8])));
        assert!(!row.was_sealed_in(None));
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
        let unconfirmed = Unconfirmed::new(Some([7; 8]), Bytes::from_static(b"words")).to_bytes();
        let asked = Asked { times: 6, attempt: 5 }.to_bytes();
        assert_eq!(Asked::read(&asked).unwrap(), Asked { times: 6, attempt: 5 });
        for bad in [&[][..], &[0], &[2, 8, 1], &[1, 0xff], &unconfirmed[..unconfirmed.len() - 1]] {
            assert!(matches!(Unconfirmed::read(bad), Err(StoreError::Damaged { .. })), "{bad:?}");
        }
        for bad in [&[][..], &[0], &[2, 8, 1], &[1, 0xff], &asked[..asked.len() - 1]] {
            assert!(matches!(Asked::read(bad), Err(StoreError::Damaged { .. })), "{bad:?}");
        }
    }
}
