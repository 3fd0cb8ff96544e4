use bulla_base::{Quality, Tier, Timestamp};
use bulla_store::StoreError;
use bulla_transport::{BusinessStanding, Restriction};
use bytes::Bytes;
use prost::Message as _;

/// How a business was told that it stands with the carrier.
#[derive(Clone, Copy, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct StoredStanding {
    #[prost(uint32, tag = "1")]
    quality: u32,
    #[prost(bool, tag = "2")]
    is_warned: bool,
    /// From 1 on, as they stand in [`RESTRICTIONS`]; 0 for none.
    #[prost(uint32, tag = "3")]
    restriction: u32,
    #[prost(uint64, optional, tag = "4")]
    until: Option<u64>,
    /// 0 for none.
    #[prost(uint32, tag = "5")]
    tier: u32,
}

const RESTRICTIONS: [Restriction; 3] = [Restriction::Limited, Restriction::Paused, Restriction::Stopped];
const DAMAGED: StoreError = StoreError::Damaged { what: "standing of a business" };

impl StoredStanding {
    pub(crate) fn new(standing: BusinessStanding) -> Self {
        let (restriction, until) = standing.restriction.map_or((0, None), |(is, until)| (code(is), until));
        Self {
            quality: u32::from(standing.quality.code()),
            is_warned: standing.is_warned,
            restriction,
            until: until.map(Timestamp::as_millis),
            tier: standing.tier.map_or(0, |tier| u32::from(tier.code())),
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(bytes).map_err(|_| DAMAGED)
    }

    pub(crate) fn to_bytes(self) -> Bytes {
        self.encode_to_vec().into()
    }

    pub(crate) fn standing(self) -> Result<BusinessStanding, StoreError> {
        let mut standing = BusinessStanding::new(quality(self.quality).ok_or(DAMAGED)?);
        if self.restriction > 0 {
            let until = self.until.map(Timestamp::from_millis);
            standing = standing.restricted(restriction(self.restriction).ok_or(DAMAGED)?, until);
        }
        standing.is_warned = self.is_warned;
        standing.tier = match self.tier {
            0 => None,
            code => Some(tier(code).ok_or(DAMAGED)?),
        };
        Ok(standing)
    }
}

/// The code of a restriction. One that this version does not know is the mildest.
pub(crate) fn code(restriction: Restriction) -> u32 {
    let place = RESTRICTIONS.iter().position(|known| *known == restriction).unwrap_or(0);
    u32::try_from(place).unwrap_or(0) + 1
}

pub(crate) fn restriction(code: u32) -> Option<Restriction> {
    let place = usize::try_from(code.checked_sub(1)?).ok()?;
    RESTRICTIONS.get(place).copied()
}

pub(crate) fn quality(code: u32) -> Option<Quality> {
    Quality::from_code(u8::try_from(code).ok()?)
}

pub(crate) fn tier(code: u32) -> Option<Tier> {
    Tier::from_code(u8::try_from(code).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_comes_back_and_nothing_else_is_one() {
        let until = Some(Timestamp::from_millis(9));
        let red = BusinessStanding::new(Quality::Red);
        for standing in [
            BusinessStanding::default(),
            red.warned().within(Tier::Users10K),
            red.restricted(Restriction::Paused, until),
            red.restricted(Restriction::Stopped, None).within(Tier::Unlimited),
        ] {
            let row = StoredStanding::new(standing).to_bytes();
            assert_eq!(StoredStanding::read(&row).unwrap().standing().unwrap(), standing);
        }
        let row = StoredStanding::new(red);
        for row in [
            StoredStanding { quality: 4, ..row },
            StoredStanding { restriction: 4, ..row },
            StoredStanding { tier: 256, ..row },
        ] {
            assert!(row.standing().is_err());
        }
    }
}
