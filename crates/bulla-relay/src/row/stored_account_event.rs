use bulla_base::{PhoneNumberId, Timestamp};
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
}

const RESTRICTIONS: [Restriction; 3] = [Restriction::Limited, Restriction::Paused, Restriction::Stopped];
const DAMAGED: StoreError = StoreError::Damaged { what: "account event" };

impl StoredAccountEvent {
    pub(crate) fn template(template: &MessageTemplate) -> Self {
        Self { template: Some(StoredTemplate::new(template)), restriction: None }
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
        Self { template: None, restriction: Some(restriction) }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(bytes).map_err(|_| DAMAGED)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// What it says, if it says one thing.
    pub(crate) fn item(self) -> Result<AccountNewsItem, StoreError> {
        match (self.template, self.restriction) {
            (Some(template), None) => Ok(AccountNewsItem::Template(Box::new(template.template()?))),
            (None, Some(StoredRestriction { business, restriction, until })) => {
                let place = restriction.checked_sub(1).and_then(|place| usize::try_from(place).ok());
                let restriction = place.and_then(|place| RESTRICTIONS.get(place)).ok_or(DAMAGED)?;
                let until = until.map(Timestamp::from_millis);
                Ok(AccountNewsItem::Restriction(PhoneNumberId::new(business), *restriction, until))
            }
            _ => Err(DAMAGED),
        }
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
            assert!(StoredAccountEvent { template: None, restriction }.item().is_err());
        }
        assert!(StoredAccountEvent::default().item().is_err());
    }
}
