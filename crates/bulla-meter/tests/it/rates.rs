//! Rating: tiers, limits of cards, and amounts against a decimal library.

use bulla_base::{BusinessAccountId, PhoneNumberId};
use bulla_meter::{
    Amount, Currency, Delivery, Hour, MAX_CARD_DATES, MAX_CARD_ID_BYTES, MAX_PRICE_MICROS, MAX_TIERS,
    MessageTag, Price, PriceMode, PricingCategory, RateCard, Rater, Tariff, Tier, TierPrice, Traits, Unit,
    UsageKey, UsageRater, Volume, Zone,
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

const ACCOUNT: BusinessAccountId = BusinessAccountId::new(1);

fn key(number: u64, at: Hour, category: PricingCategory) -> UsageKey {
    UsageKey::new(ACCOUNT, PhoneNumberId::new(number), at, Traits::message(category, market(49)))
}

/// An hour's count that reaches over tiers is told in as many rows, and so is one that uses up what is free;
/// another month begins anew.
#[test]
fn counts_are_rated_by_what_is_before_them_in_their_month() {
    let (zone, card) = (berlin(), changing_card());
    let tariff = Tariff::new(&card, &zone);
    let mut rater = UsageRater::new(&tariff, &zone);
    let rated = |rater: &mut UsageRater<'_>, number, at, category, units| -> Vec<_> {
        let rows = rater.rate(key(number, hour(&zone, at), category), units);
        let told = rows.into_iter().map(|row| {
            let range = row.tier.map(|range| range.to_string()).unwrap_or_default();
            (row.units, row.rate.unwrap().micros, range)
        });
        told.collect()
    };
    let row = |units, micros, range: &str| (units, micros, range.to_owned());
    let november = "2026-11-15T12:00:00Z";
    let notices = rated(&mut rater, 1, november, PricingCategory::Utility, 90);
    assert_eq!(notices, [row(90, 45_600, "0:100")]);
    // Another number of the account counts on.
    let notices = rated(&mut rater, 2, november, PricingCategory::Utility, 200);
    assert_eq!(notices, [row(10, 45_600, "0:100"), row(150, 43_300, "101:250"), row(40, 41_000, "251:")]);
    let reached = rater.reached(hour(&zone, november));
    let told: Vec<_> = reached.iter().map(|it| (it.category, it.market, it.tier.to_string())).collect();
    assert_eq!(told, [(PricingCategory::Utility, market(49), "251:".to_owned())]);
    // The first moment of December by that clock, an hour before that of UTC.
    let notices = rated(&mut rater, 2, "2026-11-30T23:00:00Z", PricingCategory::Utility, 1);
    assert_eq!(notices, [row(1, 45_600, "0:100")]);
    // What is free is so for each number.
    for number in [1, 2] {
        let answers = rated(&mut rater, number, "2026-12-02T00:00:00Z", PricingCategory::Service, 1002);
        assert_eq!(answers, [row(1000, 0, ""), row(2, 45_600, "")], "{number}");
    }
    assert_eq!(rated(&mut rater, 1, november, PricingCategory::Utility, 0), []);
}

#[test]
fn counts_without_a_price_move_nothing() {
    let (zone, card) = (berlin(), changing_card());
    let tariff = Tariff::new(&card, &zone);
    let mut rater = UsageRater::new(&tariff, &zone);
    let before = hour(&zone, "2025-06-30T12:00:00Z");
    let rows = rater.rate(key(1, before, PricingCategory::Utility), u64::MAX);
    assert_eq!((rows.len(), rows[0].units, rows[0].rate.is_err(), rows[0].tier), (1, u64::MAX, true, None));
}

proptest! {
    /// What an account's counts come to is what its messages come to, one by one.
    #[test]
    fn counts_come_to_what_their_messages_come_to(
        sent in prop::collection::vec((1_u64..4, 0_u32..1500, any::<bool>(), 1_u32..400), 1..40)
    ) {
        let (zone, card) = (berlin(), changing_card());
        let tariff = Tariff::new(&card, &zone);
        let first = hour(&zone, "2026-09-15T00:00:00Z");
        let mut counts: Vec<_> = sent
            .into_iter()
            .map(|(number, hours, is_notice, units)| {
                let category = if is_notice { PricingCategory::Utility } else { PricingCategory::Service };
                (key(number, Hour::from_minutes(first.minutes() + 60 * hours), category), units)
            })
            .collect();
        counts.sort_by_key(|(key, _)| (key.hour(), *key));
        let amounts = |rows: &mut dyn Iterator<Item = (u64, u32)>| {
            let amounts = rows.map(|(micros, units)| i128::from(micros) * i128::from(units));
            amounts.sum::<i128>()
        };
        let mut by_message = Rater::new(&tariff, &zone);
        let messages = counts.iter().flat_map(|(key, units)| std::iter::repeat_n(*key, *units as usize));
        let messages: Vec<_> = messages
            .enumerate()
            .map(|(place, key)| {
                let mut tag = [0; 16];
                tag[..8].copy_from_slice(&(place as u64).to_be_bytes());
                (MessageTag::from_bytes(tag), Delivery::new(key, 1, None))
            })
            .collect();
        let leaves = by_message.rate(&messages).unwrap();
        let mut by_count = UsageRater::new(&tariff, &zone);
        let rows: Vec<_> = counts.iter().flat_map(|(key, units)| by_count.rate(*key, u64::from(*units))).collect();
        prop_assert_eq!(
            amounts(&mut rows.iter().map(|row| (row.rate.unwrap().micros, u32::try_from(row.units).unwrap()))),
            amounts(&mut leaves.iter().map(|leaf| (leaf.micros, leaf.units)))
        );
    }
}
