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

    /// The leaves of `deliveries`, which stand by tag, in the same order. Of a month that is stated in parts,
    /// the earlier parts have to be rated before the later ones.
    ///
    /// # Errors
    /// What has no rate, with its tag.
    ///
    /// # Cost
    /// For each delivery a rate and, where a price depends on what was before, a share of a sort of numbers
    /// and two look-ups.
    pub fn rate(
        &mut self,
        deliveries: &[(MessageTag, Delivery)],
    ) -> Result<Vec<Leaf>, (MessageTag, Unrated)> {
        if !self.tariff.depends_on_volume() {
            return deliveries.iter().map(|(tag, delivery)| self.tagged(*tag, delivery)).collect();
        }
        // By hour, and within it by place, which is by tag.
        let hours = deliveries.iter().zip(0_u64..);
        let mut order: Vec<_> = hours
            .map(|((_, delivery), place)| u64::from(delivery.key.hour().minutes()) << 32 | place)
            .collect();
        order.sort_unstable();
        let mut leaves = vec![None; deliveries.len()];
        for place in order {
            let place = usize::try_from(place & u64::from(u32::MAX)).unwrap_or(usize::MAX);
            if let (Some((tag, delivery)), Some(slot)) = (deliveries.get(place), leaves.get_mut(place)) {
                *slot = Some(self.tagged(*tag, delivery)?);
            }
        }
        Ok(leaves.into_iter().flatten().collect())
    }

    fn tagged(&mut self, tag: MessageTag, delivery: &Delivery) -> Result<Leaf, (MessageTag, Unrated)> {
        self.leaf(tag, delivery).map_err(|unrated| (tag, unrated))
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
