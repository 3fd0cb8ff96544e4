use bulla_base::{PhoneNumberId, Timestamp};
use bulla_meter::{LocalDate, Market, PricingCategory, ReachedTier, TierRange, Unit};
use bulla_store::StoreError;
use bulla_transport::Restriction;
use bytes::Bytes;
use prost::Message as _;

use super::StoredTemplate;
use crate::MessageTemplate;

/// Something that is to be told of an account.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct StoredAccountEvent {
    #[prost(message, optional, tag = "1")]
    template: Option<StoredTemplate>,
    #[prost(message, optional, tag = "2")]
    restriction: Option<StoredRestriction>,
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
    /// From 1 on, as they stand in [`RESTRICTIONS`].
    #[prost(uint32, tag = "2")]
    restriction: u32,
    #[prost(uint64, optional, tag = "3")]
    until: Option<u64>,
}

/// What a stored event says.
pub(crate) enum AccountNewsItem {
    Template(Box<MessageTemplate>),
    Restriction(PhoneNumberId, Restriction, Option<Timestamp>),
    VolumeTier(LocalDate, ReachedTier),
}

const RESTRICTIONS: [Restriction; 3] = [Restriction::Limited, Restriction::Paused, Restriction::Stopped];
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
        // One that this version does not know is the mildest.
        let place = RESTRICTIONS.iter().position(|known| *known == restriction).unwrap_or(0);
        let restriction = StoredRestriction {
            business: business.number(),
            restriction: u32::try_from(place).unwrap_or(0) + 1,
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

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(bytes).map_err(|_| DAMAGED)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// What it says, if it says one thing.
    pub(crate) fn item(self) -> Result<AccountNewsItem, StoreError> {
        match (self.template, self.restriction, self.volume_tier) {
            (Some(template), None, None) => Ok(AccountNewsItem::Template(Box::new(template.template()?))),
            (None, None, Some(reached)) => {
                let (month, reached) = reached.read().ok_or(DAMAGED)?;
                Ok(AccountNewsItem::VolumeTier(month, reached))
            }
            (None, Some(StoredRestriction { business, restriction, until }), None) => {
                let place = restriction.checked_sub(1).and_then(|place| usize::try_from(place).ok());
                let restriction = place.and_then(|place| RESTRICTIONS.get(place)).ok_or(DAMAGED)?;
                let until = until.map(Timestamp::from_millis);
                Ok(AccountNewsItem::Restriction(PhoneNumberId::new(business), *restriction, until))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restriction_comes_back_and_nothing_else_is_one() {
        let business = PhoneNumberId::new(7);
        for (restriction, until) in
            RESTRICTIONS.into_iter().zip([Some(Timestamp::from_millis(9)), None, None])
        {
            let row = StoredAccountEvent::restriction(business, restriction, until).to_bytes();
            let item = StoredAccountEvent::read(&row).unwrap().item().unwrap();
            let AccountNewsItem::Restriction(of, read, end) = item else { panic!("a template") };
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
}
