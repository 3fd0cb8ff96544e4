use std::collections::BTreeMap;

use bulla_base::PhoneNumberId;

use crate::{Flow, Tally};

/// Tallies added up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bill(BTreeMap<Tally, u64>);

impl Bill {
    /// How many messages `tally` names.
    #[must_use]
    pub fn count(&self, tally: Tally) -> u64 {
        self.0.get(&tally).copied().unwrap_or_default()
    }

    /// How many messages of `business` went this way, over all days and categories.
    #[must_use]
    pub fn total(&self, business: PhoneNumberId, flow: Flow) -> u64 {
        let of_business =
            self.0.iter().filter(|(tally, _)| tally.business() == business && tally.flow() == flow);
        of_business.fold(0, |total, (_, count)| total.saturating_add(*count))
    }

    /// Every tally with its count, by business, day, flow and category.
    pub fn lines(&self) -> impl Iterator<Item = (Tally, u64)> + '_ {
        self.0.iter().map(|(tally, count)| (*tally, *count))
    }
}

impl FromIterator<(Tally, u64)> for Bill {
    fn from_iter<I: IntoIterator<Item = (Tally, u64)>>(counts: I) -> Self {
        let mut lines = BTreeMap::<Tally, u64>::new();
        for (tally, count) in counts {
            let sum = lines.entry(tally).or_default();
            *sum = sum.saturating_add(count);
        }
        Self(lines)
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{Category, Day};

    use super::*;

    #[test]
    fn parts_of_one_counter_are_added_and_businesses_kept_apart() {
        let tally = |business, day| {
            Tally::new(PhoneNumberId::new(business), Day::from_number(day), Flow::ToUser, Category::Service)
        };
        let bill: Bill =
            [(tally(1, 1), 2), (tally(1, 1), 3), (tally(1, 2), 5), (tally(2, 1), 7)].into_iter().collect();
        assert_eq!(bill.count(tally(1, 1)), 5);
        let lines: Vec<_> = bill.lines().collect();
        assert_eq!(lines, [(tally(1, 1), 5), (tally(1, 2), 5), (tally(2, 1), 7)]);
        assert_eq!(bill.total(PhoneNumberId::new(1), Flow::ToUser), 10);
        assert_eq!(bill.total(PhoneNumberId::new(2), Flow::ToUser), 7);
        assert_eq!(bill.total(PhoneNumberId::new(1), Flow::ToBusiness), 0);
    }
}
