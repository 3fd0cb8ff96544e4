use crate::month_volumes::MonthVolumes;
use crate::{Delivery, Leaf, MessageTag, Tariff, Unrated, Volume, Zone};

/// Rates an account's deliveries, with what they have in front of them in their month.
///
/// By hour and then by tag, whatever the order in which they came: so both sides put the same message into
/// the same tier. A message that is known later can move others of its month; what was billed of these is put
/// right by adjustments.
#[derive(Debug)]
pub struct Rater<'a> {
    tariff: &'a Tariff,
    volumes: MonthVolumes<'a>,
}

impl<'a> Rater<'a> {
    /// Rates by `tariff` for an account in `zone`.
    #[must_use]
    pub fn new(tariff: &'a Tariff, zone: &'a Zone) -> Self {
        Self { tariff, volumes: MonthVolumes::new(zone) }
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
        let key = delivery.key;
        let (hour, traits, number) = (key.hour(), key.traits(), key.number());
        let volume = match self.tariff.depends_on_volume() {
            false => Volume::default(),
            true => self.volumes.before(key),
        };
        let rate = self.tariff.rate(hour, traits, volume, delivery.charged)?;
        if self.tariff.depends_on_volume() {
            self.volumes.add(key, &rate, u64::from(delivery.units));
        }
        let (pricing_type, tier, micros) = (rate.pricing_type, rate.tier, rate.micros);
        Ok(Leaf { tag, number, hour, traits, units: delivery.units, pricing_type, tier, micros })
    }
}
