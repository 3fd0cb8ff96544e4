//! A month of an account that is made up.

use bulla_base::{BusinessAccountId, PhoneNumberId, Timestamp};
use bulla_meter::{
    Allotment, Currency, Delivery, Entry, Event, Facts, Leaf, LocalDate, Market, MessageTag, Period, Price,
    PriceMode, PricingCategory, PricingType, RateCard, Step, Tariff, TierPrice, Traits, TypeRule, Unit,
    WindowState, Zone,
};

pub(crate) struct Month {
    pub(crate) account: BusinessAccountId,
    pub(crate) zone: Zone,
    pub(crate) card: RateCard,
    pub(crate) tariff: Tariff,
    pub(crate) period: Period,
    markets: Vec<Market>,
}

impl Month {
    pub(crate) fn october() -> Self {
        let (zone, card) = (Zone::utc(), card());
        let period = zone.month(LocalDate::parse("2026-10-01").unwrap());
        let tariff = Tariff::new(&card, &zone);
        let account = BusinessAccountId::new(102_290_129_340_398);
        let markets = Market::all().collect();
        Self { account, zone, card, tariff, period, markets }
    }

    pub(crate) fn traits(&self, number: u64) -> Traits {
        let place = |of: usize, by: u64| usize::try_from(number / by).unwrap() % of;
        let categories = [PricingCategory::Utility, PricingCategory::Marketing, PricingCategory::Service];
        let window = [WindowState::Closed, WindowState::Open][place(2, 5)];
        Traits::message(categories[place(3, 1)], self.markets[place(40, 3)]).with_window(window)
    }

    pub(crate) fn deliveries(&self, count: u64) -> Vec<(MessageTag, Delivery)> {
        let from = self.period.from().begin().as_millis();
        let length = u64::from(self.period.minutes()) * 60_000;
        let mut deliveries: Vec<_> = (0..count)
            .map(|number| {
                let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let tag = (u128::from(spread) << 64 | u128::from(number)).to_be_bytes();
                let facts =
                    Facts::new(self.account, PhoneNumberId::new(106 + number % 3), self.traits(number), 1);
                let at = Timestamp::from_millis(from + spread.rotate_left(17) % length);
                let tag = MessageTag::from_bytes(tag);
                let mut entry = Entry::new();
                entry.apply(&Event::new(tag, facts, Step::Delivered, at), &self.zone);
                (tag, entry.delivery(&self.zone).unwrap())
            })
            .collect();
        deliveries.sort_unstable_by_key(|(tag, _)| *tag);
        deliveries
    }

    /// `leaves` with so many that are missing, dearer or another category.
    pub(crate) fn with_differences(&self, leaves: &[Leaf], count: usize) -> Vec<Leaf> {
        let mut other = leaves.to_vec();
        for number in 0..count {
            let place = (number * 2 + 1) * other.len() / (count * 2 + 1);
            match number % 3 {
                0 => drop(other.remove(place)),
                1 => other[place].micros += 1,
                _ => {
                    let market = other[place].traits.market;
                    other[place].traits = Traits::message(PricingCategory::Authentication, market);
                }
            }
        }
        other
    }
}

fn card() -> RateCard {
    let from = LocalDate::parse("2025-07-01").unwrap();
    let later = LocalDate::parse("2026-10-01").unwrap();
    let free = |category, window| match (category, window) {
        (PricingCategory::Service, _) | (PricingCategory::Utility, WindowState::Open) => {
            PricingType::FreeCustomerService
        }
        _ => PricingType::Regular,
    };
    let rules = [TypeRule::everywhere(from, free), TypeRule::everywhere(later, |_, _| PricingType::Regular)];
    let mut prices = Vec::new();
    for (category, micros) in [
        (PricingCategory::Service, 7_700),
        (PricingCategory::Utility, 7_700),
        (PricingCategory::Marketing, 60_400),
    ] {
        prices.push(Price::of_message(from, category, None, micros).unwrap());
        for (number, market) in (0..).zip(Market::all().skip(1)) {
            let tiers = vec![
                TierPrice::new(0, micros + number),
                TierPrice::new(100, micros / 2 + number),
                TierPrice::new(250, micros / 3 + number),
            ];
            let of = (category, Unit::Message);
            prices.push(Price::new(from, of, Some(market), PriceMode::Fixed, tiers).unwrap());
        }
    }
    let allotments = vec![Allotment::of_messages(later, PricingCategory::Service, 1000)];
    let currency = Currency::parse("EUR").unwrap();
    RateCard::new("bench", currency, rules.concat(), prices, allotments).unwrap()
}
