use std::fmt;

use crate::month_volumes::MonthVolumes;
use crate::{Hour, Market, PricingCategory, Rate, Tariff, Unit, Unrated, UsageKey, Volume, Zone};

/// Rates an account's counts, with what they have in front of them in their month: what single messages came
/// to is not known any more, and what all of them did is.
///
/// Counts come by their hour, those of all the account's numbers, and of a month from its beginning. Which of
/// the messages that are counted in one hour were the last of a tier nobody can say; so an hour in which a
/// tier ends can be told of one number and be billed of another. The sum of all is the same.
#[derive(Debug)]
pub struct UsageRater<'a> {
    tariff: &'a Tariff,
    volumes: MonthVolumes<'a>,
}

/// Units in a row that have one rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RatedUnits {
    /// How many there are.
    pub units: u64,
    /// What each of them costs, if the card says.
    pub rate: Result<Rate, Unrated>,
    /// What the tier spans, if the price has several.
    pub tier: Option<TierRange>,
}

/// The tier of a price that what an account was charged for in a month has come to: the next unit's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ReachedTier {
    /// Of what.
    pub category: PricingCategory,
    /// In what it is counted.
    pub unit: Unit,
    /// Where.
    pub market: Market,
    /// Which units it is for.
    pub tier: TierRange,
}

/// The units of a month that one tier is for, counted from 1.
///
/// Its text is that of the Cloud API: the first and the last unit with a colon between them, 0 for the first
/// of the first tier, and nothing for the last of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct TierRange {
    /// How many units come before it.
    pub above: u64,
    /// Its last, if it ends.
    pub up_to: Option<u64>,
}

impl ReachedTier {
    /// A tier of what is priced so.
    #[must_use]
    pub const fn new((category, unit, market): (PricingCategory, Unit, Market), tier: TierRange) -> Self {
        Self { category, unit, market, tier }
    }
}

impl TierRange {
    /// What comes after `above` units, up to and with a last one, if it ends.
    #[must_use]
    pub const fn new(above: u64, up_to: Option<u64>) -> Self {
        Self { above, up_to }
    }
}

impl fmt::Display for TierRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = if self.above == 0 { 0 } else { self.above.saturating_add(1) };
        write!(f, "{first}:")?;
        self.up_to.map_or(Ok(()), |last| write!(f, "{last}"))
    }
}

impl<'a> UsageRater<'a> {
    /// Rates by `tariff` for an account in `zone`.
    #[must_use]
    pub fn new(tariff: &'a Tariff, zone: &'a Zone) -> Self {
        Self { tariff, volumes: MonthVolumes::new(zone) }
    }

    /// What `units` of `key` cost: one row for each rate that they have, in the order of the units. Units
    /// without a rate count for nobody.
    ///
    /// # Cost
    /// Where a price depends on what was before, two look-ups for each row.
    pub fn rate(&mut self, key: UsageKey, units: u64) -> Vec<RatedUnits> {
        let (mut rows, mut left) = (Vec::with_capacity(1), units);
        while left > 0 {
            let row = self.rate_first(key, left);
            left = left.saturating_sub(row.units);
            rows.push(row);
        }
        rows
    }

    /// Where the month that was rated last has come to, by the prices of `hour`: those that have several
    /// tiers, in order.
    #[must_use]
    pub fn reached(&self, hour: Hour) -> Vec<ReachedTier> {
        let tiers = self.volumes.charged().filter_map(|(category, unit, market, units)| {
            let tier = self.tariff.tier_reached(hour, (category, unit, market), units)?;
            Some(ReachedTier { category, unit, market, tier })
        });
        let mut tiers: Vec<_> = tiers.collect();
        tiers.sort_unstable();
        tiers
    }

    /// As many of `most` units as have one rate.
    fn rate_first(&mut self, key: UsageKey, most: u64) -> RatedUnits {
        let depends = self.tariff.depends_on_volume();
        let volume = if depends { self.volumes.before(key) } else { Volume::default() };
        match self.tariff.rate_units(key.hour(), key.traits(), volume) {
            Ok((rate, alike, tier)) => {
                let units = most.min(alike.max(1));
                if depends {
                    self.volumes.add(key, &rate, units);
                }
                RatedUnits { units, rate: Ok(rate), tier }
            }
            Err(unrated) => RatedUnits { units: most, rate: Err(unrated), tier: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_read_as_those_of_the_cloud_api() {
        let told = |above, up_to| TierRange { above, up_to }.to_string();
        assert_eq!(told(0, Some(25_000_000)), "0:25000000");
        assert_eq!(told(25_000_000, Some(50_000_000)), "25000001:50000000");
        assert_eq!(told(50_000_000, None), "50000001:");
        assert_eq!(told(u64::MAX, None), format!("{}:", u64::MAX));
    }
}
