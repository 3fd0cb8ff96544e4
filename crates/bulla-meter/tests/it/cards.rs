//! Cards that are made up, in the form of what changed when.

use bulla_base::Timestamp;
use bulla_meter::{
    Allotment, Currency, Hour, LocalDate, Market, Price, PriceMode, PricingCategory, PricingType, RateCard,
    TierPrice, TypeRule, Unit, WindowState, Zone,
};
use jiff::tz::TimeZone;

pub(crate) fn date(text: &str) -> LocalDate {
    LocalDate::parse(text).unwrap()
}

pub(crate) fn market(code: u16) -> Market {
    Market::from_code(code).unwrap()
}

pub(crate) fn instant(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_millis(u64::try_from(at.as_millisecond()).unwrap())
}

pub(crate) fn zone(name: &str, posix: &str) -> Zone {
    let zone = TimeZone::posix(posix).unwrap();
    Zone::between(name, &zone, date("2020-01-01"), date("2035-01-01")).unwrap()
}

pub(crate) fn berlin() -> Zone {
    zone("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3")
}

pub(crate) fn hour(zone: &Zone, text: &str) -> Hour {
    zone.hour(instant(text))
}

/// Free for whoever answers a user: all of the service category and, where `utility` says so, notices.
fn answers_free(utility: bool) -> impl Fn(PricingCategory, WindowState) -> PricingType {
    move |category, window| match (category, window) {
        (PricingCategory::Service, _) => PricingType::FreeCustomerService,
        (PricingCategory::Utility, WindowState::Open) if utility => PricingType::FreeCustomerService,
        _ => PricingType::Regular,
    }
}

fn tiers(micros: &[(u64, u64)]) -> Vec<TierPrice> {
    micros.iter().map(|(units, micros)| TierPrice::new(*units, *micros)).collect()
}

/// What the platforms' card went through, with made-up prices: by the message since 2025-07-01, with notices
/// in the window free; everything charged since 2026-10-01 but what an advertisement began; 1,000 answers
/// free a number and month; agents by the token since 2026-08-01; marketing by bids in one market since then.
pub(crate) fn changing_card() -> RateCard {
    let (first, second, third) = (date("2025-07-01"), date("2026-08-01"), date("2026-10-01"));
    let rules = [
        TypeRule::everywhere(first, answers_free(true)),
        TypeRule::everywhere(third, |_, _| PricingType::Regular),
    ];
    let message = |from, category, market, micros| Price::of_message(from, category, market, micros).unwrap();
    let (germany, india) = (Some(market(49)), Some(market(91)));
    let prices = vec![
        message(first, PricingCategory::Marketing, germany, 113_100),
        message(first, PricingCategory::Marketing, None, 60_400),
        message(first, PricingCategory::Authentication, None, 30_000),
        message(third, PricingCategory::Service, germany, 45_600),
        message(third, PricingCategory::Service, None, 7_700),
        message(first, PricingCategory::Utility, None, 7_700),
        Price::new(
            first,
            (PricingCategory::Utility, Unit::Message),
            germany,
            PriceMode::Fixed,
            tiers(&[(0, 45_600), (100, 43_300), (250, 41_000)]),
        )
        .unwrap(),
        Price::new(
            second,
            (PricingCategory::Marketing, Unit::Message),
            india,
            PriceMode::Auction,
            tiers(&[(0, 20_000)]),
        )
        .unwrap(),
        Price::new(
            second,
            (PricingCategory::BusinessAgent, Unit::Token),
            None,
            PriceMode::Fixed,
            tiers(&[(0, 2)]),
        )
        .unwrap(),
    ];
    let allotments = vec![Allotment::of_messages(third, PricingCategory::Service, 1000)];
    RateCard::new("example-2026", Currency::parse("EUR").unwrap(), rules.concat(), prices, allotments)
        .unwrap()
}
