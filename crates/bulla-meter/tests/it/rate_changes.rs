//! The changes of 2025-07-01 and 2026-10-01, to the hour, by the account's own clock.

use bulla_meter::{
    EntryPoint, PricingCategory, PricingType, RateCard, Tariff, Traits, Unit, Unrated, Volume, WindowState,
    Zone,
};

use crate::cards::{berlin, changing_card, hour, market, zone};

/// Type and micro-units of one message at `at`.
fn told(tariff: &Tariff, zone: &Zone, at: &str, traits: Traits) -> Result<(PricingType, u64), Unrated> {
    let rate = tariff.rate(hour(zone, at), traits, Volume::default(), None)?;
    Ok((rate.pricing_type, rate.micros))
}

#[test]
fn before_the_card_begins_nothing_has_a_rate() {
    let (zone, card) = (berlin(), changing_card());
    let tariff = Tariff::new(&card, &zone);
    let marketing = Traits::message(PricingCategory::Marketing, market(49));
    // Midnight in Berlin is 22:00 UTC.
    let category = PricingCategory::Marketing;
    assert_eq!(told(&tariff, &zone, "2025-06-30T21:59:59Z", marketing), Err(Unrated::NoRule { category }));
    let first = told(&tariff, &zone, "2025-06-30T22:00:00Z", marketing);
    assert_eq!(first, Ok((PricingType::Regular, 113_100)));
}

#[test]
fn answers_and_notices_in_the_window_are_charged_from_october_at_the_accounts_midnight() {
    let card = changing_card();
    let accounts = [
        (berlin(), "2026-09-30T21:59:59Z", "2026-09-30T22:00:00Z"),
        (Zone::utc(), "2026-09-30T23:59:59Z", "2026-10-01T00:00:00Z"),
        (zone("America/New_York", "EST5EDT,M3.2.0,M11.1.0"), "2026-10-01T03:59:59Z", "2026-10-01T04:00:00Z"),
        (zone("Asia/Kathmandu", "<+0545>-5:45"), "2026-09-30T18:14:59Z", "2026-09-30T18:15:00Z"),
    ];
    for (zone, before, after) in accounts {
        let tariff = Tariff::new(&card, &zone);
        let notice = Traits::message(PricingCategory::Utility, market(49));
        let in_window = notice.with_window(WindowState::Open);
        let told = |at, traits| told(&tariff, &zone, at, traits).unwrap();
        assert_eq!(told(before, in_window), (PricingType::FreeCustomerService, 0), "{zone:?}");
        assert_eq!(told(after, in_window), (PricingType::Regular, 45_600), "{zone:?}");
        for at in [before, after] {
            assert_eq!(told(at, notice), (PricingType::Regular, 45_600), "{zone:?}");
            let from_advertisement = in_window.with_entry_point(EntryPoint::Free);
            assert_eq!(told(at, from_advertisement), (PricingType::FreeEntryPoint, 0), "{zone:?}");
        }
    }
}

#[test]
fn an_answer_is_free_until_the_numbers_allotment_is_used() {
    let (zone, card) = (berlin(), changing_card());
    let tariff = Tariff::new(&card, &zone);
    let answer = Traits::message(PricingCategory::Service, market(49)).with_window(WindowState::Open);
    let rate = |at, allotted| {
        let rate = tariff.rate(hour(&zone, at), answer, Volume::new(0, allotted), None).unwrap();
        (rate.pricing_type, rate.micros, rate.is_allotted)
    };
    let october = "2026-10-01T12:00:00Z";
    assert_eq!(rate(october, 999), (PricingType::FreeCustomerService, 0, true));
    assert_eq!(rate(october, 1000), (PricingType::Regular, 45_600, false));
    assert_eq!(rate("2026-09-01T12:00:00Z", 1000), (PricingType::FreeCustomerService, 0, false));
}

#[test]
fn agents_are_billed_by_the_token_from_august() {
    let (zone, card) = (berlin(), changing_card());
    let tariff = Tariff::new(&card, &zone);
    let category = PricingCategory::BusinessAgent;
    let agent = Traits::message(category, market(49)).with_unit(Unit::Token);
    let before = told(&tariff, &zone, "2026-07-31T21:59:00Z", agent);
    assert_eq!(before, Err(Unrated::NoPrice { category, market: market(49) }));
    let rate = tariff.rate(hour(&zone, "2026-07-31T22:00:00Z"), agent, Volume::default(), None).unwrap();
    // Two of the currency for a million.
    assert_eq!(rate.amount(1_000_000).to_string(), "2.000000");
    // By the message there is no price.
    let by_message = agent.with_unit(Unit::Message);
    assert!(told(&tariff, &zone, "2026-08-02T00:00:00Z", by_message).is_err());
}

#[test]
fn a_bid_costs_what_was_charged_and_never_more_than_the_card_allows() {
    let (zone, card) = (berlin(), changing_card());
    let tariff = Tariff::new(&card, &zone);
    let marketing = Traits::message(PricingCategory::Marketing, market(91));
    let rate = |at, charged| {
        let rate = tariff.rate(hour(&zone, at), marketing, Volume::default(), charged);
        rate.map(|rate| rate.micros)
    };
    assert_eq!(rate("2026-07-31T12:00:00Z", Some(1)), Ok(60_400), "fixed, whatever was charged");
    let august = "2026-08-01T12:00:00Z";
    assert_eq!(rate(august, Some(12_345)), Ok(12_345));
    assert_eq!(rate(august, Some(20_000)), Ok(20_000));
    let too_much = Unrated::ChargedTooMuch { charged: 20_001, most: 20_000 };
    assert_eq!(rate(august, Some(20_001)), Err(too_much));
    assert_eq!(rate(august, None), Err(Unrated::NoCharge));
}

#[test]
fn a_card_has_one_form_and_one_hash() {
    let card = changing_card();
    let bytes = card.to_bytes();
    assert_eq!(RateCard::from_bytes(&bytes).as_ref(), Ok(&card));
    for place in 0..bytes.len() {
        assert!(RateCard::from_bytes(&bytes[..place]).is_err(), "cut at {place}");
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        if let Ok(other) = RateCard::from_bytes(&changed) {
            assert_eq!(other.to_bytes(), changed);
            assert_ne!(other.hash(), card.hash());
        }
    }
    let mut prices = card.prices().to_vec();
    prices.reverse();
    let again = RateCard::new(
        "example-2026",
        card.currency(),
        card.rules().to_vec(),
        prices,
        card.allotments().to_vec(),
    );
    assert_eq!(again.unwrap().hash(), card.hash(), "the order of lines is not the author's");
}
