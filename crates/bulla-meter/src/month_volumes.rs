use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use bulla_base::PhoneNumberId;

use crate::{
    KeyHasher, LocalDate, Market, Period, PricingCategory, PricingType, Rate, Traits, Unit, UsageKey, Volume,
    Zone,
};

/// What of an account was rated before, in the same month by its clock.
#[derive(Debug)]
pub(crate) struct MonthVolumes<'a> {
    zone: &'a Zone,
    month: Option<(LocalDate, Period)>,
    units: Counts<(PricingCategory, Unit, Market)>,
    allotted: Counts<(PhoneNumberId, PricingCategory, Unit)>,
}

type Counts<K> = HashMap<K, u64, BuildHasherDefault<KeyHasher>>;

impl<'a> MonthVolumes<'a> {
    pub(crate) fn new(zone: &'a Zone) -> Self {
        Self { zone, month: None, units: Counts::default(), allotted: Counts::default() }
    }

    /// What counts when units of `key` are rated. With another month everything begins anew.
    pub(crate) fn before(&mut self, key: UsageKey) -> Volume {
        if self.month.is_none_or(|(_, month)| !month.contains(key.hour())) {
            let date = self.zone.date(key.hour());
            self.month = Some((date, self.zone.month(date)));
            self.units.clear();
            self.allotted.clear();
        }
        let (of_market, of_number) = places(key);
        Volume {
            units: self.units.get(&of_market).copied().unwrap_or_default(),
            allotted: self.allotted.get(&of_number).copied().unwrap_or_default(),
        }
    }

    /// Of what units were charged in the month, and how many.
    pub(crate) fn charged(&self) -> impl Iterator<Item = (PricingCategory, Unit, Market, u64)> {
        self.units.iter().map(|((category, unit, market), units)| (*category, *unit, *market, *units))
    }

    /// So many units of `key` were rated so.
    pub(crate) fn add(&mut self, key: UsageKey, rate: &Rate, units: u64) {
        let (of_market, of_number) = places(key);
        let count = if rate.is_allotted {
            self.allotted.entry(of_number).or_default()
        } else if rate.pricing_type == PricingType::Regular {
            self.units.entry(of_market).or_default()
        } else {
            return;
        };
        *count = count.saturating_add(units);
    }
}

type OfMarket = (PricingCategory, Unit, Market);
type OfNumber = (PhoneNumberId, PricingCategory, Unit);

fn places(key: UsageKey) -> (OfMarket, OfNumber) {
    let Traits { category, unit, market, .. } = key.traits();
    ((category, unit, market), (key.number(), category, unit))
}
