//! Rating: tiers, limits of cards, and amounts against a decimal library.

use bulla_meter::{
    Amount, Currency, MAX_CARD_DATES, MAX_CARD_ID_BYTES, MAX_PRICE_MICROS, MAX_TIERS, Price, PriceMode,
    PricingCategory, RateCard, Tariff, Tier, TierPrice, Traits, Unit, Volume, Zone,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::cards::{berlin, changing_card, date, hour, market};

#[test]
fn a_tier_begins_with_the_unit_after_its_threshold() {
    let (zone, card) = (berlin(), changing_card());
    let tariff = Tariff::new(&card, &zone);
    let notice = Traits::message(PricingCategory::Utility, market(49));
    for (units, tier, micros) in [
        (0, 0, 45_600),
        (99, 0, 45_600),
        (100, 1, 43_300),
        (249, 1, 43_300),
        (250, 2, 41_000),
        (u64::MAX, 2, 41_000),
    ] {
        let at = hour(&zone, "2026-11-15T12:00:00Z");
        let rate = tariff.rate(at, notice, Volume::new(units, 0), None).unwrap();
        assert_eq!((rate.tier, rate.micros), (Tier::new(tier), micros), "{units}");
    }
    assert!(tariff.depends_on_volume());
}

#[test]
fn a_later_price_of_all_others_leaves_a_markets_own() {
    let message = |from, market, micros| {
        Price::of_message(date(from), PricingCategory::Utility, market, micros).unwrap()
    };
    let own = Some(market(49));
    let prices =
        vec![message("2026-01-01", own, 1), message("2026-01-01", None, 2), message("2026-02-01", None, 3)];
    let card = RateCard::new("a", Currency::parse("EUR").unwrap(), regular(), prices, Vec::new()).unwrap();
    let tariff = Tariff::new(&card, &Zone::utc());
    assert!(!tariff.depends_on_volume());
    for (at, code, micros) in [("01-15", 49, 1), ("01-15", 43, 2), ("02-15", 49, 1), ("02-15", 43, 3)] {
        let at = hour(&Zone::utc(), &format!("2026-{at}T00:00:00Z"));
        let traits = Traits::message(PricingCategory::Utility, market(code));
        assert_eq!(tariff.rate(at, traits, Volume::default(), None).unwrap().micros, micros);
    }
}

fn regular() -> Vec<bulla_meter::TypeRule> {
    bulla_meter::TypeRule::everywhere(date("2020-01-01"), |_, _| bulla_meter::PricingType::Regular)
}

#[test]
fn what_a_card_can_be_too_much_of() {
    let eur = Currency::parse("EUR").unwrap();
    let id = |length| RateCard::new(&"a".repeat(length), eur, Vec::new(), Vec::new(), Vec::new()).is_ok();
    assert!(id(MAX_CARD_ID_BYTES) && !id(MAX_CARD_ID_BYTES + 1) && !id(0));
    let price =
        |micros| Price::of_message(date("2026-01-01"), PricingCategory::Utility, None, micros).is_ok();
    assert!(price(MAX_PRICE_MICROS) && !price(MAX_PRICE_MICROS + 1));
    let tiers = |count: usize| {
        let tiers = (0..count as u64).map(|units| TierPrice::new(units, 1)).collect();
        Price::new(
            date("2026-01-01"),
            (PricingCategory::Utility, Unit::Message),
            None,
            PriceMode::Fixed,
            tiers,
        )
        .is_ok()
    };
    assert!(tiers(MAX_TIERS) && !tiers(MAX_TIERS + 1) && !tiers(0));
    let dates = |count: usize| {
        let day = |day: usize| bulla_meter::LocalDate::from_days(u32::try_from(day).unwrap());
        let price = |at| Price::of_message(day(at), PricingCategory::Utility, None, 1).unwrap();
        RateCard::new("a", eur, Vec::new(), (0..count).map(price).collect(), Vec::new()).is_ok()
    };
    assert!(dates(MAX_CARD_DATES) && !dates(MAX_CARD_DATES + 1));
    let twice = vec![Price::of_message(date("2026-01-01"), PricingCategory::Utility, None, 1).unwrap(); 2];
    assert!(RateCard::new("a", eur, Vec::new(), twice, Vec::new()).is_err(), "two prices for one case");
}

proptest! {
    /// Whole micro-units against decimals: no sum drifts.
    #[test]
    fn sums_are_those_of_a_decimal_library(lines in prop::collection::vec((0..MAX_PRICE_MICROS, any::<u32>()), 0..50)) {
        let ours: Amount = lines
            .iter()
            .map(|(micros, units)| Amount::from_micros(i128::from(*micros)).times(i128::from(*units)))
            .sum();
        let theirs: Decimal = lines
            .iter()
            .map(|(micros, units)| Decimal::from_i128_with_scale(i128::from(*micros), 6) * Decimal::from(*units))
            .sum();
        let digits = format!("{theirs:.6}");
        prop_assert_eq!(ours.to_string(), digits);
    }
}
