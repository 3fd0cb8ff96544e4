use bulla_base::{PhoneNumberId, Timestamp};
use bulla_meter::{LocalDate, Market, PricingCategory, ReachedTier, TierRange, Unit};
use bulla_store::StoreError;
use bulla_transport::Restriction;
use bytes::Bytes;
use prost::Message as _;

use super::StoredTemplate;
use super::stored_standing::{code, quality, restriction, tier};
use crate::{MessageTemplate, StandingChange};

/// Something that is to be told of an account.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct StoredAccountEvent {
    #[prost(message, optional, tag = "1")]
    template: Option<StoredTemplate>,
    #[prost(message, optional, tag = "2")]
    restriction: Option<StoredRestriction>,
    #[prost(message, optional, tag = "3")]
    change: Option<StoredChange>,
    #[prost(message, optional, tag = "4")]
    volume_tier: Option<StoredVolumeTier>,
}

/// A tier of a price, and the month in which it was reached.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct StoredVolumeTier {
    /// The first day of the month.
    #[prost(uint32, tag = "1")]
    month: u32,
    /// The codes of category, unit and market.
    #[prost(uint32, tag = "2")]
    category: u32,
    #[prost(uint32, tag = "3")]
    unit: u32,
    #[prost(uint32, tag = "4")]
    market: u32,
    #[prost(uint64, tag = "5")]
    above: u64,
    #[prost(uint64, optional, tag = "6")]
    up_to: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct StoredRestriction {
    #[prost(uint64, tag = "1")]
    business: u64,
    /// Its code.
    #[prost(uint32, tag = "2")]
    restriction: u32,
    #[prost(uint64, optional, tag = "3")]
    until: Option<u64>,
}

/// How a number stands otherwise than before.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct StoredChange {
    #[prost(uint64, tag = "1")]
    business: u64,
    /// 1 warned, 2 a restriction has ended, 3 another quality, 4 another tier.
    #[prost(uint32, tag = "2")]
    what: u32,
    /// The code of what was, and of what is.
    #[prost(uint32, tag = "3")]
    was: u32,
    #[prost(uint32, tag = "4")]
    is: u32,
    /// Beside a quality the code of the tier; 0 for none.
    #[prost(uint32, tag = "5")]
    tier: u32,
}

/// What a stored event says.
pub(crate) enum AccountNewsItem {
    Template(Box<MessageTemplate>),
    Restriction(PhoneNumberId, Restriction, Option<Timestamp>),
    VolumeTier(LocalDate, ReachedTier),
    Change(PhoneNumberId, StandingChange),
}

const DAMAGED: StoreError = StoreError::Damaged { what: "account event" };

impl StoredAccountEvent {
    pub(crate) fn template(template: &MessageTemplate) -> Self {
        Self { template: Some(StoredTemplate::new(template)), ..Self::default() }
    }

    pub(crate) fn restriction(
        business: PhoneNumberId,
        restriction: Restriction,
        until: Option<Timestamp>,
    ) -> Self {
        let restriction = StoredRestriction {
            business: business.number(),
            restriction: code(restriction),
            until: until.map(Timestamp::as_millis),
        };
        Self { restriction: Some(restriction), ..Self::default() }
    }

    pub(crate) fn volume_tier(month: LocalDate, reached: ReachedTier) -> Self {
        let ReachedTier { category, unit, market, tier, .. } = reached;
        let volume_tier = StoredVolumeTier {
            month: month.days(),
            category: category.code().into(),
            unit: unit.code().into(),
            market: market.code().into(),
            above: tier.above,
            up_to: tier.up_to,
        };
        Self { volume_tier: Some(volume_tier), ..Self::default() }
    }

    pub(crate) fn change(business: PhoneNumberId, change: StandingChange) -> Self {
        let (what, was, is) = match change {
            StandingChange::Warned => (1, 0, 0),
            StandingChange::RestrictionEnded { was } => (2, code(was), 0),
            StandingChange::Quality { was, is, .. } => (3, was.code().into(), is.code().into()),
            StandingChange::Tier { was, is } => (4, was.code().into(), is.code().into()),
        };
        let tier = match change {
            StandingChange::Quality { tier: Some(tier), .. } => tier.code().into(),
            _ => 0,
        };
        let change = StoredChange { business: business.number(), what, was, is, tier };
        Self { change: Some(change), ..Self::default() }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(bytes).map_err(|_| DAMAGED)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// What it says, if it says one thing.
    pub(crate) fn item(self) -> Result<AccountNewsItem, StoreError> {
        match (self.template, self.restriction, self.change, self.volume_tier) {
            (Some(template), None, None, None) => {
                Ok(AccountNewsItem::Template(Box::new(template.template()?)))
            }
            (None, Some(held), None, None) => {
                let until = held.until.map(Timestamp::from_millis);
                let restriction = restriction(held.restriction).ok_or(DAMAGED)?;
                Ok(AccountNewsItem::Restriction(PhoneNumberId::new(held.business), restriction, until))
            }
            (None, None, Some(change), None) => {
                let business = PhoneNumberId::new(change.business);
                Ok(AccountNewsItem::Change(business, change.read().ok_or(DAMAGED)?))
            }
            (None, None, None, Some(reached)) => {
                let (month, reached) = reached.read().ok_or(DAMAGED)?;
                Ok(AccountNewsItem::VolumeTier(month, reached))
            }
            _ => Err(DAMAGED),
        }
    }
}

impl StoredVolumeTier {
    fn read(&self) -> Option<(LocalDate, ReachedTier)> {
        let category = PricingCategory::from_code(self.category.try_into().ok()?)?;
        let unit = Unit::from_code(self.unit.try_into().ok()?)?;
        let market = Market::from_code(self.market.try_into().ok()?)?;
        let tier = TierRange::new(self.above, self.up_to);
        Some((LocalDate::from_days(self.month), ReachedTier::new((category, unit, market), tier)))
    }
}

impl StoredChange {
    fn read(&self) -> Option<StandingChange> {
        let Self { what, was, is, tier: beside, .. } = *self;
        Some(match (what, was, is, beside) {
            (1, 0, 0, 0) => StandingChange::Warned,
            (2, was, 0, 0) => StandingChange::RestrictionEnded { was: restriction(was)? },
            (3, was, is, 0) => StandingChange::Quality { was: quality(was)?, is: quality(is)?, tier: None },
            (3, was, is, code) => {
                StandingChange::Quality { was: quality(was)?, is: quality(is)?, tier: Some(tier(code)?) }
            }
            (4, was, is, 0) => StandingChange::Tier { was: tier(was)?, is: tier(is)? },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{Quality, Tier};

    use super::*;

    #[test]
    fn a_restriction_comes_back_and_nothing_else_is_one() {
        let business = PhoneNumberId::new(7);
        for (restriction, until) in [
            (Restriction::Limited, Some(Timestamp::from_millis(9))),
            (Restriction::Paused, None),
            (Restriction::Stopped, None),
        ] {
            let row = StoredAccountEvent::restriction(business, restriction, until).to_bytes();
            let item = StoredAccountEvent::read(&row).unwrap().item().unwrap();
            let AccountNewsItem::Restriction(of, read, end) = item else { panic!("not a restriction") };
            assert_eq!((of, read, end), (business, restriction, until));
        }
        for restriction in [0, 4, u32::MAX] {
            let restriction = Some(StoredRestriction { business: 7, restriction, until: None });
            assert!(StoredAccountEvent { restriction, ..StoredAccountEvent::default() }.item().is_err());
        }
        assert!(StoredAccountEvent::default().item().is_err());
    }

    #[test]
    fn a_tier_comes_back_and_of_what_no_card_has_there_is_none() {
        let market = Market::from_code(33).unwrap();
        let of = (PricingCategory::Utility, Unit::Message, market);
        let reached = ReachedTier::new(of, TierRange::new(100, Some(250)));
        let month = LocalDate::parse("2026-11-01").unwrap();
        let stored = StoredAccountEvent::volume_tier(month, reached);
        let item = StoredAccountEvent::read(&stored.to_bytes()).unwrap().item().unwrap();
        let AccountNewsItem::VolumeTier(of, read) = item else { panic!("another event") };
        assert_eq!((of, read), (month, reached));
        let with = |change: fn(&mut StoredVolumeTier)| {
            let mut stored = stored.clone();
            change(stored.volume_tier.as_mut().unwrap());
            stored.item()
        };
        assert!(with(|tier| tier.category = 8).is_err() && with(|tier| tier.unit = 300).is_err());
        assert!(with(|tier| tier.market = 999).is_err());
    }

    #[test]
    fn a_change_comes_back_and_nothing_else_is_one() {
        let business = PhoneNumberId::new(7);
        for change in [
            StandingChange::Warned,
            StandingChange::RestrictionEnded { was: Restriction::Paused },
            StandingChange::Quality { was: Quality::Unknown, is: Quality::Red, tier: None },
            StandingChange::Quality { was: Quality::Red, is: Quality::Green, tier: Some(Tier::Users10K) },
            StandingChange::Tier { was: Tier::Users250, is: Tier::Unlimited },
        ] {
            let row = StoredAccountEvent::change(business, change).to_bytes();
            let item = StoredAccountEvent::read(&row).unwrap().item().unwrap();
            let AccountNewsItem::Change(of, read) = item else { panic!("not a change") };
            assert_eq!((of, read), (business, change));
        }
        for (what, was, is, tier) in [
            (0, 0, 0, 0),
            (1, 1, 0, 0),
            (2, 4, 0, 0),
            (3, 0, 4, 0),
            (3, 0, 3, 6),
            (4, 0, 1, 0),
            (4, 1, 2, 1),
            (5, 0, 0, 0),
        ] {
            let change = Some(StoredChange { business: 7, what, was, is, tier });
            assert!(StoredAccountEvent { change, ..StoredAccountEvent::default() }.item().is_err());
        }
    }
}
