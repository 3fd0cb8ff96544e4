use std::fmt;

use bulla_base::{Category, DeviceSet, Number, Timestamp};
use bulla_store::StoreError;
use bytes::Bytes;
use prost::Message as _;

use super::category;
use crate::{Failure, Status};

/// A message of the business.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct Outbound {
    #[prost(uint32, tag = "1")]
    stage: u32,
    #[prost(string, tag = "2")]
    pub(super) to: String,
    #[prost(uint32, tag = "3")]
    pub(super) category: u32,
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
    /// Whether it is not sealed yet, and its place is one among those that a rule keeps back.
    #[prost(bool, tag = "11")]
    pub(crate) deferred: bool,
    /// Which devices it was sealed for, and have not confirmed it.
    #[prost(uint32, tag = "12")]
    awaited: u32,
    /// Whether the user's window was open when it was sealed, by which it may be billed otherwise.
    #[prost(bool, tag = "13")]
    pub(crate) in_window: bool,
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
            deferred: false,
            awaited: 0,
            in_window: false,
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(bytes).map_err(|_| StoreError::Damaged { what: "message" })
    }

    pub(crate) fn stage(&self) -> Result<Stage, StoreError> {
        Stage::from_code(self.stage).ok_or(StoreError::Damaged { what: "message" })
    }

    /// Whom it is for.
    pub(crate) fn user(&self) -> Result<Number, StoreError> {
        Number::parse(&self.to).map_err(|_| StoreError::Damaged { what: "message" })
    }

    pub(crate) fn advance(&mut self, status: Status) {
        self.stage = Stage::Reached(status).code();
    }

    /// The devices that it was sealed for, and that have not confirmed it.
    pub(crate) fn awaited(&self) -> Result<DeviceSet, StoreError> {
        DeviceSet::from_bits(self.awaited).map_err(|_| StoreError::Damaged { what: "message" })
    }

    pub(crate) const fn set_awaited(&mut self, awaited: DeviceSet) {
        self.awaited = awaited.bits();
    }

    pub(crate) fn set_category(&mut self, category: Category) {
        self.category = u32::from(category.code());
    }

    pub(crate) fn of_category(&self) -> Result<Category, StoreError> {
        category(self.category)
    }

    /// When it fails, if it has not arrived.
    pub(crate) const fn due(&self) -> Timestamp {
        Timestamp::from_millis(self.due)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbound(…)")
    }
}

/// How far a message of the business has come, as it is stored. Only ever replaced by a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Accepted,
    Reached(Status),
}

impl Stage {
    pub(super) const fn from_code(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Accepted),
            2 => Some(Self::Reached(Status::Sent)),
            3 => Some(Self::Reached(Status::Delivered)),
            4 => Some(Self::Reached(Status::Read)),
            5 => Some(Self::Reached(Status::Failed(Failure::Undeliverable))),
            6 => Some(Self::Reached(Status::Failed(Failure::Expired))),
            7 => Some(Self::Reached(Status::Failed(Failure::NotOpened))),
            8 => Some(Self::Reached(Status::Failed(Failure::WindowClosed))),
            9 => Some(Self::Reached(Status::Failed(Failure::PairRate))),
            10 => Some(Self::Reached(Status::Failed(Failure::MessagingLimit))),
            11 => Some(Self::Reached(Status::Failed(Failure::Throughput))),
            12 => Some(Self::Reached(Status::Failed(Failure::Restricted))),
            13 => Some(Self::Reached(Status::Failed(Failure::MarketingLimit))),
            _ => None,
        }
    }

    pub(super) const fn code(self) -> u32 {
        match self {
            Self::Accepted => 1,
            Self::Reached(Status::Sent) => 2,
            Self::Reached(Status::Delivered) => 3,
            Self::Reached(Status::Read) => 4,
            Self::Reached(Status::Failed(Failure::Undeliverable)) => 5,
            Self::Reached(Status::Failed(Failure::Expired)) => 6,
            Self::Reached(Status::Failed(Failure::NotOpened)) => 7,
            Self::Reached(Status::Failed(Failure::WindowClosed)) => 8,
            Self::Reached(Status::Failed(Failure::PairRate)) => 9,
            Self::Reached(Status::Failed(Failure::MessagingLimit)) => 10,
            Self::Reached(Status::Failed(Failure::Throughput)) => 11,
            Self::Reached(Status::Failed(Failure::Restricted)) => 12,
            Self::Reached(Status::Failed(Failure::MarketingLimit)) => 13,
        }
    }

    /// Whether a message at this stage can still come to `status`: forward only, and nothing fails that has
    /// arrived.
    pub(crate) fn may_advance_to(self, status: Status) -> bool {
        let over = self >= Self::Reached(Status::Delivered);
        self < Self::Reached(status) && !(over && matches!(status, Status::Failed(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_prints_its_name_alone() {
        let message = Outbound { to: "16505551234".to_owned(), ..Outbound::default() };
        assert_eq!(format!("{message:?}"), "Outbound(…)");
    }

    #[test]
    fn stages_come_back_from_their_codes_and_only_go_forward() {
        let stages: Vec<Stage> = (1..=13).filter_map(Stage::from_code).collect();
        assert_eq!(stages.len(), 13);
        assert!(stages.windows(2).all(|pair| pair[0] < pair[1]), "later stages compare greater");
        assert!(stages.iter().zip(1..).all(|(stage, code)| stage.code() == code));
        let delivered = Stage::Reached(Status::Delivered);
        assert!(
            delivered.may_advance_to(Status::Read)
                && !delivered.may_advance_to(Status::Failed(Failure::Expired))
        );
        let failed = Stage::Reached(Status::Failed(Failure::Undeliverable));
        assert!(
            !failed.may_advance_to(Status::Read) && !failed.may_advance_to(Status::Failed(Failure::Expired))
        );
        assert_eq!(Stage::from_code(0), None);
        assert_eq!(Stage::from_code(14), None);
    }
}
