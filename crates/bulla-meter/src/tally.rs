use bulla_base::{Category, Day, PhoneNumberId};

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Flow {
    /// From the business to a user.
    ToUser,
    /// From a user to the business.
    ToBusiness,
}

impl Flow {
    const fn code(self) -> u8 {
        match self {
            Self::ToUser => 1,
            Self::ToBusiness => 2,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::ToUser),
            2 => Some(Self::ToBusiness),
            _ => None,
        }
    }
}

/// One counter: messages of one business, on one day, one way, of one category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tally {
    business: PhoneNumberId,
    day: Day,
    flow: Flow,
    category: Category,
}

impl Tally {
    /// The counter of these messages.
    #[must_use]
    pub const fn new(business: PhoneNumberId, day: Day, flow: Flow, category: Category) -> Self {
        Self { business, day, flow, category }
    }

    /// Reads a counter's name.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let (business, rest) = name.split_first_chunk::<8>()?;
        let (day, rest) = rest.split_first_chunk::<4>()?;
        let [flow, category] = rest else { return None };
        Some(Self {
            business: PhoneNumberId::new(u64::from_be_bytes(*business)),
            day: Day::from_number(u32::from_be_bytes(*day)),
            flow: Flow::from_code(*flow)?,
            category: Category::from_code(*category)?,
        })
    }

    /// Whose messages.
    #[must_use]
    pub const fn business(self) -> PhoneNumberId {
        self.business
    }

    /// On which day.
    #[must_use]
    pub const fn day(self) -> Day {
        self.day
    }

    /// Which way.
    #[must_use]
    pub const fn flow(self) -> Flow {
        self.flow
    }

    /// Of which category.
    #[must_use]
    pub const fn category(self) -> Category {
        self.category
    }

    /// The counter's name: business (8 bytes), day (4), flow (1), category (1), big-endian.
    #[must_use]
    pub fn to_name(self) -> [u8; 14] {
        let mut name = [0; 14];
        name[..8].copy_from_slice(&self.business.number().to_be_bytes());
        name[8..12].copy_from_slice(&self.day.number().to_be_bytes());
        name[12] = self.flow.code();
        name[13] = self.category.code();
        name
    }

    /// What all names of one business begin with.
    #[must_use]
    pub fn prefix(business: PhoneNumberId) -> [u8; 8] {
        business.number().to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_comes_back_from_its_name() {
        for (flow, category) in [(Flow::ToUser, Category::Service), (Flow::ToBusiness, Category::Marketing)] {
            let tally = Tally::new(PhoneNumberId::new(u64::MAX), Day::from_number(u32::MAX), flow, category);
            assert_eq!(Tally::from_name(&tally.to_name()), Some(tally));
            assert!(tally.to_name().starts_with(&Tally::prefix(tally.business())));
        }
    }

    #[test]
    fn other_names_are_no_tallies() {
        let good =
            Tally::new(PhoneNumberId::new(1), Day::from_number(2), Flow::ToUser, Category::Service).to_name();
        assert_eq!(Tally::from_name(&good[..13]), None);
        assert_eq!(Tally::from_name(&[good.as_slice(), &[0]].concat()), None);
        for (place, code) in [(12, 0), (12, 3), (13, 0), (13, 5)] {
            let mut name = good;
            name[place] = code;
            assert_eq!(Tally::from_name(&name), None);
        }
    }
}
