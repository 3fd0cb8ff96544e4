use thiserror::Error;

use crate::{
    Amount, CardHash, Currency, Hour, Market, Price, PriceMode, PricingCategory, PricingType, RateCard, Tier,
    TierPrice, TierRange, Traits, Unit, Zone,
};

/// A rate card as it applies to an account: its dates are instants by the account's clock, and everything is
/// found by place.
///
/// # Cost
/// 16 bytes for each category, unit and market at each date: some 60 KB a date. Made once, and shared.
#[derive(Debug)]
pub struct Tariff {
    card: CardHash,
    currency: Currency,
    /// In the order of their beginnings.
    epochs: Vec<Epoch>,
    /// All prices' tiers, one after the other.
    tiers: Vec<TierPrice>,
    /// Where in an epoch's prices a market stands, by its code.
    places: Vec<u16>,
    depends_on_volume: bool,
}

/// What is valid from an instant on.
#[derive(Debug, Clone)]
struct Epoch {
    from: Hour,
    types: [Option<PricingType>; 32],
    allotted: [u64; CASES],
    /// By case and market.
    prices: Vec<Option<Tiers>>,
}

/// Categories with units.
const CASES: usize = 16;

#[derive(Debug, Clone, Copy)]
struct Tiers {
    first: u32,
    count: u8,
    is_auction: bool,
}

/// What was counted before, in the same month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Volume {
    /// Regular units of the account, of the same category, unit and market.
    pub units: u64,
    /// Units of the number, of the same category and unit, that an allotment made free.
    pub allotted: u64,
}

impl Volume {
    /// So many charged and so many free.
    #[must_use]
    pub const fn new(units: u64, allotted: u64) -> Self {
        Self { units, allotted }
    }
}

/// What one unit costs, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Rate {
    /// Its type.
    pub pricing_type: PricingType,
    /// The tier that was reached.
    pub tier: Tier,
    /// What each unit costs, in micro-units: 0 unless it is regular.
    pub micros: u64,
    /// Whether it is free because the number had some left.
    pub is_allotted: bool,
}

impl Rate {
    /// What so many units cost.
    #[must_use]
    pub fn amount(&self, units: u32) -> Amount {
        Amount::from_micros(i128::from(self.micros)).times(i128::from(units))
    }
}

/// A unit has no rate. The move is whoever wrote the card, or did not say what was charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unrated {
    /// No rule says which type it has then.
    #[error("the card has no rule for {} at that time", category.name())]
    NoRule {
        /// Of what.
        category: PricingCategory,
    },
    /// There is no price for it then.
    #[error("the card has no price for {} in market {market} at that time", category.name())]
    NoPrice {
        /// Of what.
        category: PricingCategory,
        /// Where.
        market: Market,
    },
    /// It was bid for, and what was charged is not known.
    #[error("what was charged for a bid is not known")]
    NoCharge,
    /// More was charged than the card allows.
    #[error("{charged} micro-units were charged, and the card allows {most}")]
    ChargedTooMuch {
        /// What was charged.
        charged: u64,
        /// What could be.
        most: u64,
    },
}

impl Tariff {
    /// What `card` says to an account in `zone`.
    #[must_use]
    pub fn new(card: &RateCard, zone: &Zone) -> Self {
        let mut places = vec![0; 1000];
        for (place, market) in Market::all().enumerate() {
            if let (Some(slot), Ok(place)) = (places.get_mut(usize::from(market.code())), place.try_into()) {
                *slot = place;
            }
        }
        let mut tariff = Self {
            card: card.hash(),
            currency: card.currency(),
            epochs: Vec::new(),
            tiers: Vec::new(),
            places,
            depends_on_volume: card.prices().iter().any(|price| price.tiers().len() > 1)
                || card.allotments().iter().any(|allotment| allotment.units > 0),
        };
        let mut prices = Layers::new(Market::all().count());
        let (mut types, mut allotted) = ([None; 32], [0; CASES]);
        for date in card.dates() {
            for rule in card.rules().iter().filter(|rule| rule.from == date) {
                let traits = Traits::message(rule.category, Market::UNKNOWN)
                    .with_window(rule.window)
                    .with_entry_point(rule.entry_point);
                if let Some(slot) = types.get_mut(type_place(&traits)) {
                    *slot = Some(rule.pricing_type);
                }
            }
            for allotment in card.allotments().iter().filter(|allotment| allotment.from == date) {
                if let Some(slot) = allotted.get_mut(case(allotment.category, allotment.unit)) {
                    *slot = allotment.units;
                }
            }
            for price in card.prices().iter().filter(|price| price.from() == date) {
                let tiers = tariff.put_tiers(price);
                prices.put(price, price.market().map(|market| tariff.place(market)), tiers);
            }
            let from = zone.midnight(date);
            tariff.epochs.push(Epoch { from, types, allotted, prices: prices.flat() });
        }
        tariff
    }

    fn put_tiers(&mut self, price: &Price) -> Tiers {
        // Bounded by the card's limits.
        let first = u32::try_from(self.tiers.len()).unwrap_or(u32::MAX);
        self.tiers.extend(price.tiers());
        let count = u8::try_from(price.tiers().len()).unwrap_or(u8::MAX);
        Tiers { first, count, is_auction: price.mode() == PriceMode::Auction }
    }

    fn place(&self, market: Market) -> usize {
        self.places.get(usize::from(market.code())).copied().map_or(0, usize::from)
    }

    /// The hash of the card.
    #[must_use]
    pub const fn card(&self) -> &CardHash {
        &self.card
    }

    /// What prices are in.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// What a unit with these `traits` costs in `hour`, when there was as much before it in the month as
    /// `volume` says; `charged` is what a bid came to.
    ///
    /// A pure function of what it is given: both sides compute the same.
    ///
    /// # Errors
    /// See [`Unrated`].
    ///
    /// # Cost
    /// Some look-ups by place; nothing is allocated. Tiers and dates are looked through from the last.
    pub fn rate(
        &self,
        hour: Hour,
        traits: Traits,
        volume: Volume,
        charged: Option<u64>,
    ) -> Result<Rate, Unrated> {
        self.rate_where(hour, traits, volume, charged).map(|(rate, ..)| rate)
    }

    /// The rate of the first of some units, how many of them have it, and what its tier spans.
    pub(crate) fn rate_units(
        &self,
        hour: Hour,
        traits: Traits,
        volume: Volume,
    ) -> Result<(Rate, u64, Option<TierRange>), Unrated> {
        let (rate, price, allotted) = self.rate_where(hour, traits, volume, None)?;
        if rate.is_allotted {
            return Ok((rate, allotted.saturating_sub(volume.allotted), None));
        }
        let range = price.and_then(|price| self.tier_range(price, rate.tier));
        let last = range.and_then(|range| range.up_to);
        Ok((rate, last.map_or(u64::MAX, |last| last.saturating_sub(volume.units)), range))
    }

    /// The rate, the price it is from, and how many of its units an allotment makes free.
    fn rate_where(
        &self,
        hour: Hour,
        traits: Traits,
        volume: Volume,
        charged: Option<u64>,
    ) -> Result<(Rate, Option<Tiers>, u64), Unrated> {
        let Traits { category, market, unit, .. } = traits;
        let no_rule = Unrated::NoRule { category };
        let epoch = self.epoch(hour).ok_or(no_rule)?;
        let pricing_type = epoch.types.get(type_place(&traits)).copied().flatten().ok_or(no_rule)?;
        let free =
            |pricing_type, is_allotted| Rate { pricing_type, tier: Tier::default(), micros: 0, is_allotted };
        if pricing_type != PricingType::Regular {
            return Ok((free(pricing_type, false), None, 0));
        }
        let case = case(category, unit);
        let allotted = epoch.allotted.get(case).copied().unwrap_or_default();
        if volume.allotted < allotted {
            return Ok((free(PricingType::FreeCustomerService, true), None, allotted));
        }
        let price = self.price(epoch, case, market).ok_or(Unrated::NoPrice { category, market })?;
        let (tier, micros) = self.tier(price, volume.units).ok_or(Unrated::NoPrice { category, market })?;
        let micros = match (price.is_auction, charged) {
            (false, _) => micros,
            (true, None) => return Err(Unrated::NoCharge),
            (true, Some(charged)) if charged <= micros => charged,
            (true, Some(charged)) => return Err(Unrated::ChargedTooMuch { charged, most: micros }),
        };
        Ok((Rate { pricing_type, tier, micros, is_allotted: false }, Some(price), allotted))
    }

    /// Whether what was counted before decides on anything here.
    #[must_use]
    pub const fn depends_on_volume(&self) -> bool {
        self.depends_on_volume
    }

    /// The tier of the unit that comes after so many, if the price has several.
    pub(crate) fn tier_reached(
        &self,
        hour: Hour,
        (category, unit, market): (PricingCategory, Unit, Market),
        units: u64,
    ) -> Option<TierRange> {
        let price = self.price(self.epoch(hour)?, case(category, unit), market)?;
        self.tier_range(price, self.tier(price, units)?.0)
    }

    fn epoch(&self, hour: Hour) -> Option<&Epoch> {
        self.epochs.iter().rev().find(|epoch| epoch.from <= hour)
    }

    fn price(&self, epoch: &Epoch, case: usize, market: Market) -> Option<Tiers> {
        let markets = epoch.prices.len() / CASES;
        epoch.prices.get(case * markets + self.place(market)).copied().flatten()
    }

    /// What a tier spans, if the price has another.
    fn tier_range(&self, price: Tiers, tier: Tier) -> Option<TierRange> {
        let first = usize::try_from(price.first).ok()?;
        let tiers = self.tiers.get(first..first + usize::from(price.count))?;
        let place = usize::from(tier.number());
        let up_to = tiers.get(place + 1).map(|next| next.units);
        (tiers.len() > 1).then_some(TierRange { above: tiers.get(place)?.units, up_to })
    }

    fn tier(&self, price: Tiers, units: u64) -> Option<(Tier, u64)> {
        let first = usize::try_from(price.first).ok()?;
        let tiers = self.tiers.get(first..first + usize::from(price.count))?;
        let reached = tiers.iter().rposition(|tier| tier.units <= units)?;
        Some((Tier::new(u8::try_from(reached).ok()?), tiers.get(reached)?.micros))
    }
}

/// The newest prices up to a date: each market's own, and those of all others.
struct Layers {
    markets: usize,
    own: Vec<Option<Tiers>>,
    others: [Option<Tiers>; CASES],
}

impl Layers {
    fn new(markets: usize) -> Self {
        Self { markets, own: vec![None; CASES * markets], others: [None; CASES] }
    }

    fn put(&mut self, price: &Price, market: Option<usize>, tiers: Tiers) {
        let case = case(price.category(), price.unit());
        let slot = match market {
            None => self.others.get_mut(case),
            Some(place) => self.own.get_mut(case * self.markets + place),
        };
        slot.into_iter().for_each(|slot| *slot = Some(tiers));
    }

    fn flat(&self) -> Vec<Option<Tiers>> {
        let rows = self.own.chunks(self.markets).zip(self.others);
        rows.flat_map(|(row, others)| row.iter().map(move |own| own.or(others))).collect()
    }
}

const fn type_place(traits: &Traits) -> usize {
    let states = traits.window.code() | traits.entry_point.code() << 1;
    (traits.category.code() << 2 | states) as usize
}

const fn case(category: PricingCategory, unit: Unit) -> usize {
    (category.code() << 1 | unit.code()) as usize
}
