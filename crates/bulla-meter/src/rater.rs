use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use bulla_base::PhoneNumberId;

use crate::{
    Delivery, KeyHasher, Leaf, LocalDate, Market, MessageTag, Period, PricingCategory, Tariff, Traits, Unit,
    Unrated, Volume, Zone,
};

/// Rates an account's deliveries, with what they have in front of them in their month.
///
/// By hour and then by tag, whatever the order in which they came: so both sides put the same message into
/// the same tier. A message that is known later can move others of its month; what was billed of these is put
/// right by adjustments.
#[derive(Debug)]
pub struct Rater<'a> {
    tariff: &'a Tariff,
    zone: &'a Zone,
    /// The month that the volumes are of.
    month: Option<(LocalDate, Period)>,
    units: Counts<(PricingCategory, Unit, Market)>,
    allotted: Counts<(PhoneNumberId, PricingCategory, Unit)>,
}

type Counts<K> = HashMap<K, u64, BuildHasherDefault<KeyHasher>>;

impl<'a> Rater<'a> {
    /// Rates by `tariff` for an account in `zone`.
    #[must_use]
    pub fn new(tariff: &'a Tariff, zone: &'a Zone) -> Self {
        Self { tariff, zone, month: None, units: Counts::default(), allotted: Counts::default() }
    }

    /// The leaves of `deliveries`, by tag. Of a month that is stated in parts, the earlier parts have to be
    /// rated before the later ones.
    ///
    /// # Errors
    /// What has no rate, with its tag.
    ///
    /// # Cost
    /// Two sorts, and for each delivery a rate and up to two look-ups.
    pub fn rate(
        &mut self,
        deliveries: &[(MessageTag, Delivery)],
    ) -> Result<Vec<Leaf>, (MessageTag, Unrated)> {
        let mut leaves = Vec::with_capacity(deliveries.len());
        let mut ordered: Vec<_> = deliveries.iter().collect();
        ordered.sort_unstable_by_key(|(tag, delivery)| (delivery.key.hour(), *tag));
        for (tag, delivery) in ordered {
            leaves.push(self.leaf(*tag, delivery).map_err(|unrated| (*tag, unrated))?);
        }
        leaves.sort_unstable_by_key(|leaf| leaf.tag);
        Ok(leaves)
    }

    fn leaf(&mut self, tag: MessageTag, delivery: &Delivery) -> Result<Leaf, Unrated> {
        let (hour, traits, number) = (delivery.key.hour(), delivery.key.traits(), delivery.key.number());
        if self.month.is_none_or(|(_, month)| !month.contains(hour)) {
            let date = self.zone.date(hour);
            self.month = Some((date, self.zone.month(date)));
            self.units.clear();
            self.allotted.clear();
        }
        let Traits { category, unit, market, .. } = traits;
        let (of_market, of_number) = ((category, unit, market), (number, category, unit));
        let volume = match self.tariff.depends_on_volume() {
            false => Volume::default(),
            true => Volume {
                units: self.units.get(&of_market).copied().unwrap_or_default(),
                allotted: self.allotted.get(&of_number).copied().unwrap_or_default(),
            },
        };
        let rate = self.tariff.rate(hour, traits, volume, delivery.charged)?;
        let units = u64::from(delivery.units);
        if !self.tariff.depends_on_volume() {
            // Nobody asks.
        } else if rate.is_allotted {
            *self.allotted.entry(of_number).or_default() += units;
        } else if rate.pricing_type == crate::PricingType::Regular {
            *self.units.entry(of_market).or_default() += units;
        }
        let (pricing_type, tier, micros) = (rate.pricing_type, rate.tier, rate.micros);
        Ok(Leaf { tag, number, hour, traits, units: delivery.units, pricing_type, tier, micros })
    }
}
