//! Figures of an account are those of what was counted, by the account's clock, and bounded.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla_base::{BusinessAccountId, ManualClock, PhoneNumberId, Timestamp};
use bulla_graph::{AccountTerms, GraphApi};
use bulla_meter::{
    Currency, Hour, LocalDate, Market, Price, PriceMode, PricingCategory, PricingType, RateCard, Tariff,
    TierPrice, Traits, TypeRule, Unit, UsageKey, WindowState, Zone,
};
use bulla_relay::Counted;
use serde_json::{Value, json};

use crate::fake_relay::{ACCOUNT, NUMBER, OTHER_NUMBER, RecordingRelay};
use crate::harness::Bench;

/// 2026-11-29T00:00:00Z, in minutes and in seconds.
const TODAY: u32 = 1_795_910_400 / 60;
const NOW: u64 = 1_795_910_400;
const DAY: u32 = 24 * 60;
const DAY_SECS: u64 = 86_400;

fn bench() -> Bench {
    Bench::with_clock(Arc::new(ManualClock::new(Timestamp::from_millis((NOW + DAY_SECS) * 1000))))
}

fn traits(category: PricingCategory, market: u16) -> Traits {
    Traits::message(category, Market::from_code(market).unwrap())
}

fn key(number: PhoneNumberId, minutes: u32, traits: Traits) -> UsageKey {
    UsageKey::new(ACCOUNT, number, Hour::from_minutes(minutes), traits)
}

async fn told(bench: &Bench, path: &str) -> Value {
    let reply = bench.ask("GET", path, Value::Null).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.json);
    reply.json
}

async fn refused(bench: &Bench, path: &str) -> String {
    let reply = bench.ask("GET", path, Value::Null).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, 100), "{path}: {}", reply.json);
    reply.details().to_owned()
}

/// The field of an account with these arguments.
fn field(name: &str, arguments: &str) -> String {
    format!("/v23.0/{ACCOUNT}?fields={name}{}", arguments.replace('"', "%22").replace('[', "%5B"))
}

fn between(from: u64, to: u64, more: &str) -> String {
    format!(".start({from}).end({to}){more}")
}

/// Two markets and two categories on two days, of which one is today.
fn fill(relay: &RecordingRelay) {
    let open = traits(PricingCategory::Utility, 33).with_window(WindowState::Open);
    for (minutes, traits, sent, delivered) in [
        (TODAY - DAY, traits(PricingCategory::Marketing, 33), 3, 2),
        (TODAY - 15, traits(PricingCategory::Marketing, 1), 5, 5),
        (TODAY, traits(PricingCategory::Marketing, 1), 7, 6),
        (TODAY + 15, traits(PricingCategory::Utility, 33), 9, 8),
        (TODAY + 30, traits(PricingCategory::Service, 33), 4, 1),
    ] {
        relay.count(Counted::Sent, key(NUMBER, minutes, traits), sent);
        relay.count(Counted::Delivered, key(NUMBER, minutes, traits), delivered);
    }
    relay.count(Counted::Delivered, key(NUMBER, TODAY + 45, open), 10);
    // Another's.
    relay.count(Counted::Sent, key(OTHER_NUMBER, TODAY, traits(PricingCategory::Utility, 33)), 1000);
}

#[tokio::test]
async fn what_was_sent_and_delivered_is_told_by_half_hour_day_and_month() {
    let bench = bench();
    fill(&bench.relay);
    let day = |from: u64, sent: u64, delivered: u64| json!({ "start": from, "end": from + DAY_SECS, "sent": sent, "delivered": delivered });
    let asked = between(NOW - DAY_SECS, NOW + DAY_SECS, ".granularity(DAY)");
    let expected = json!({
        "id": ACCOUNT.to_string(),
        "analytics": {
            "phone_numbers": ["15550783881"],
            "granularity": "DAY",
            "data_points": [day(NOW - DAY_SECS, 8, 7), day(NOW, 20, 25)],
        },
    });
    assert_eq!(told(&bench, &field("analytics", &asked)).await, expected);

    let asked = between(NOW, NOW + 3600, ".granularity(HALF_HOUR).phone_numbers([]).product_types([])");
    let half = |from: u64, sent: u64, delivered: u64| json!({ "start": from, "end": from + 1800, "sent": sent, "delivered": delivered });
    let points = json!([half(NOW, 16, 14), half(NOW + 1800, 4, 11)]);
    assert_eq!(told(&bench, &field("analytics", &asked)).await["analytics"]["data_points"], points);

    // The month is cut to what is asked for.
    let asked = between(NOW - DAY_SECS, NOW + 3600, ".granularity(MONTH).country_codes([\"FR\"])");
    let month = told(&bench, &field("id,analytics", &asked)).await;
    let points = json!([{ "start": NOW - DAY_SECS, "end": NOW + 3600, "sent": 16, "delivered": 21 }]);
    assert_eq!(month["analytics"]["data_points"], points);
    assert_eq!(month["analytics"]["country_codes"], json!(["FR"]));

    for (types, sent, delivered) in [("0", 16, 24), ("2", 4, 1), ("0,2", 20, 25)] {
        let more =
            format!(".granularity(DAY).product_types([{types}]).phone_numbers([\"+1 (555) 078-3881\"])");
        let more = more.replace(' ', "%20").replace('+', "%2B").replace(['(', ')'], "");
        let more = more.replace(".granularityDAY", ".granularity(DAY)");
        let more =
            more.replace(".product_types", ".product_types(").replace(".phone_numbers", ").phone_numbers(");
        let asked = between(NOW, NOW + DAY_SECS, &format!("{more})"));
        let points = json!([day(NOW, sent, delivered)]);
        assert_eq!(told(&bench, &field("analytics", &asked)).await["analytics"]["data_points"], points);
    }
}

#[tokio::test]
async fn what_was_delivered_is_told_by_the_dimensions_that_are_asked_for() {
    let bench = bench();
    fill(&bench.relay);
    let asked = between(NOW - DAY_SECS, NOW + DAY_SECS, ".granularity(MONTHLY)");
    let asked = format!("{asked}.dimensions([\"COUNTRY\",\"PRICING_CATEGORY\"])");
    let point = |country: &str, category: &str, volume: u64| {
        json!({
            "start": NOW - DAY_SECS, "end": NOW + DAY_SECS, "country": country,
            "pricing_category": category, "volume": volume,
        })
    };
    let points = json!([
        point("FR", "SERVICE", 1),
        point("FR", "UTILITY", 18),
        point("FR", "MARKETING", 2),
        point("US", "MARKETING", 11),
    ]);
    let expected = json!({
        "id": ACCOUNT.to_string(), "pricing_analytics": { "data": [{ "data_points": points }] },
    });
    assert_eq!(told(&bench, &field("pricing_analytics", &asked)).await, expected);

    // The same at the path of its own, with what else can be asked.
    let (from, to) = (NOW - DAY_SECS, NOW + DAY_SECS);
    let path = format!(
        "/{ACCOUNT}/pricing_analytics?start={from}&end={to}&granularity=DAILY&dimensions=PHONE,TIER\
         &pricing_categories=%5B%22marketing%22%5D&country_codes=%5B%22US%22,%22FR%22%5D&metric_types=VOLUME"
    );
    let point = |from: u64, volume: u64| json!({ "start": from, "end": from + DAY_SECS, "phone_number": "15550783881", "volume": volume });
    let expected = json!({ "data": [{ "data_points": [point(NOW - DAY_SECS, 7), point(NOW, 6)] }] });
    assert_eq!(told(&bench, &path).await, expected);
}

struct Terms(Arc<Zone>, Option<Arc<Tariff>>);

impl AccountTerms for Terms {
    fn zone(&self, account: BusinessAccountId) -> Arc<Zone> {
        assert_eq!(account, ACCOUNT);
        self.0.clone()
    }

    fn tariff(&self, _: BusinessAccountId) -> Option<Arc<Tariff>> {
        self.1.clone()
    }
}

fn with_terms(bench: Bench, zone: Zone, card: Option<RateCard>) -> Bench {
    let tariff = card.map(|card| Arc::new(Tariff::new(&card, &zone)));
    let api: GraphApi<_> = bench.api.account_terms(Terms(Arc::new(zone), tariff));
    Bench { api, ..bench }
}

/// Notices within the window are free; marketing to +33 has a price, and of it elsewhere nothing is known.
fn card(tiers: &[(u64, u64)]) -> RateCard {
    let date = LocalDate::parse("2025-01-01").unwrap();
    let rules = TypeRule::everywhere(date, |category, window| match (category, window) {
        (PricingCategory::Service, _) | (PricingCategory::Utility, WindowState::Open) => {
            PricingType::FreeCustomerService
        }
        _ => PricingType::Regular,
    });
    let tiers = tiers.iter().map(|(units, micros)| TierPrice::new(*units, *micros)).collect();
    let utility = (PricingCategory::Utility, Unit::Message);
    let prices = vec![
        Price::new(date, utility, None, PriceMode::Fixed, tiers).unwrap(),
        Price::of_message(date, PricingCategory::Marketing, Market::from_code(33), 143_200).unwrap(),
    ];
    RateCard::new("card", Currency::parse("EUR").unwrap(), rules, prices, Vec::new()).unwrap()
}

#[tokio::test]
async fn with_a_rate_card_types_and_costs_are_told_of_what_it_rates() {
    let bench = with_terms(bench(), Zone::utc(), Some(card(&[(0, 45_600)])));
    fill(&bench.relay);
    let all = between(NOW - DAY_SECS, NOW + DAY_SECS, ".granularity(MONTHLY)");
    let points = async |more: &str| {
        let reply = told(&bench, &field("pricing_analytics", &format!("{all}{more}"))).await;
        reply["pricing_analytics"]["data"][0]["data_points"].clone()
    };
    let (start, end) = (NOW - DAY_SECS, NOW + DAY_SECS);
    let french = points(".country_codes([FR]).dimensions([PRICING_TYPE,PRICING_CATEGORY])").await;
    let point = |pricing_type: &str, category: &str, volume: u64, cost: f64| {
        json!({
            "start": start, "end": end, "pricing_type": pricing_type, "pricing_category": category,
            "volume": volume, "cost": cost,
        })
    };
    let expected = json!([
        point("REGULAR", "UTILITY", 8, 0.3648),
        point("REGULAR", "MARKETING", 2, 0.2864),
        point("FREE_CUSTOMER_SERVICE", "SERVICE", 1, 0.0),
        point("FREE_CUSTOMER_SERVICE", "UTILITY", 10, 0.0),
    ]);
    assert_eq!(french, expected);
    let free = points(".pricing_types([\"FREE_CUSTOMER_SERVICE\"]).metric_types([\"COST\"])").await;
    assert_eq!(free, json!([{ "start": start, "end": end, "cost": 0.0 }]));
    // What went to +1 has no price, so what it is told together with has none, either.
    let by_nothing = points("").await;
    assert_eq!(by_nothing, json!([{ "start": start, "end": end, "volume": 32 }]));
}

/// What a message costs depends on what the account's other numbers sent before in the month, of which a
/// token for one number is told nothing else.
#[tokio::test]
async fn where_prices_depend_on_the_volume_the_month_of_the_account_comes_first() {
    let card = card(&[(0, 45_600), (100, 43_000)]);
    let bench = with_terms(bench(), Zone::utc(), Some(card));
    fill(&bench.relay);
    let notice = traits(PricingCategory::Utility, 33);
    for (number, minutes, delivered) in [
        (OTHER_NUMBER, TODAY - 30 * DAY, 5000),
        (OTHER_NUMBER, TODAY - 20 * DAY, 60),
        (NUMBER, TODAY - 2 * DAY, 35),
    ] {
        bench.relay.count(Counted::Delivered, key(number, minutes, notice), delivered);
    }
    // Behind what is asked for.
    bench.relay.count(Counted::Delivered, key(OTHER_NUMBER, TODAY + 30, notice), 1000);
    let all = between(NOW - DAY_SECS, NOW + DAY_SECS, ".granularity(MONTHLY)");
    let points = async |more: &str| {
        let reply = told(&bench, &field("pricing_analytics", &format!("{all}{more}"))).await;
        reply["pricing_analytics"]["data"][0]["data_points"].clone()
    };
    let (start, end) = (NOW - DAY_SECS, NOW + DAY_SECS);
    let point = |tier: &str, volume: u64, cost: f64| json!({ "start": start, "end": end, "tier": tier, "volume": volume, "cost": cost });
    assert_eq!(
        points(".pricing_types([REGULAR]).pricing_categories([UTILITY]).dimensions([TIER])").await,
        json!([point("0:100", 5, 0.228), point("101:", 3, 0.129)])
    );
    let french = points(".country_codes([FR]).dimensions([PRICING_CATEGORY]).pricing_types([REGULAR])").await;
    let point = |category: &str, volume: u64, cost: f64| json!({ "start": start, "end": end, "pricing_category": category, "volume": volume, "cost": cost });
    assert_eq!(french, json!([point("UTILITY", 8, 0.357), point("MARKETING", 2, 0.2864)]));
}

#[tokio::test]
async fn days_are_those_of_the_accounts_clock() {
    let mut india = vec![0, 12];
    india.extend(b"Asia/Kolkata");
    india.extend([0, 0, 0, 1, 0, 0, 0, 0]);
    india.extend(330_i16.to_be_bytes());
    let bench = with_terms(bench(), Zone::from_bytes(&india).unwrap(), None);
    let notice = traits(PricingCategory::Utility, 91);
    // A quarter of an hour before midnight by that clock, and the first of the day.
    bench.relay.count(Counted::Sent, key(NUMBER, TODAY - 330 - 15, notice), 1);
    bench.relay.count(Counted::Sent, key(NUMBER, TODAY - 330, notice), 2);
    let asked = between(NOW - 2 * DAY_SECS, NOW + DAY_SECS, ".granularity(DAY)");
    let told = told(&bench, &field("analytics", &asked)).await;
    let midnight = NOW - 330 * 60;
    let points = json!([
        { "start": midnight - DAY_SECS, "end": midnight, "sent": 1, "delivered": 0 },
        { "start": midnight, "end": midnight + DAY_SECS, "sent": 2, "delivered": 0 },
    ]);
    assert_eq!(told["analytics"]["data_points"], points);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_its_name() {
    let bench = bench();
    let (year, now) = (366 * DAY_SECS, NOW + DAY_SECS);
    let good = between(NOW, now, "");
    for (arguments, begins) in [
        (String::new(), "start is missing"),
        (".start(1)".to_owned(), "end is missing"),
        (between(NOW, NOW, ".granularity(DAY)"), "start: it must be before end"),
        (between(now - year - 1, now, ".granularity(DAY)"), "start: it is more than 366 days ago"),
        (".start(yesterday).end(2)".to_owned(), "start must be a number of seconds since 1970"),
        (format!(".start({NOW}).end(-1)"), "end must be a number of seconds since 1970"),
        (good.clone(), "granularity is missing"),
        (format!("{good}.granularity(YEAR)"), "granularity: it must be one of"),
        (format!("{good}.granularity(DAY).phone_numbers([\"16505551234\"])"), "phone_numbers: "),
        (format!("{good}.granularity(DAY).country_codes([\"CA\"])"), "country_codes: "),
        (
            format!("{good}.granularity(DAY).country_codes({})", "A".repeat(4097)),
            "country_codes: it has 4097",
        ),
    ] {
        for name in ["analytics", "pricing_analytics"] {
            let details = refused(&bench, &field(name, &arguments)).await;
            assert!(details.starts_with(begins), "{name}{arguments}: {details}");
        }
    }
    for (name, more, begins) in [
        ("analytics", ".product_types([1])", "product_types: it must be one of 0, 2"),
        ("pricing_analytics", ".dimensions([\"CITY\"])", "dimensions: it must be one of COUNTRY, PHONE,"),
        ("pricing_analytics", ".metric_types([\"X\"])", "metric_types: it must be one of"),
        ("pricing_analytics", ".pricing_categories([\"X\"])", "pricing_categories: it must be one of"),
        ("pricing_analytics", ".pricing_types([\"X\"])", "pricing_types: it must be one of"),
        ("pricing_analytics", ".pricing_types([\"REGULAR\"])", "pricing_types: which it is says a rate card"),
        ("conversation_analytics", "", "conversation_analytics: conversations are not counted"),
        ("template_analytics", "", "template_analytics: it is not counted by template"),
    ] {
        let details = refused(&bench, &field(name, &format!("{good}.granularity(DAY){more}"))).await;
        assert!(details.starts_with(begins), "{name}{more}: {details}");
    }
    let details = refused(&bench, &format!("/{ACCOUNT}/pricing_analytics?end=1")).await;
    assert_eq!(details, "start is missing");
    // The whole of the longest time is told.
    let longest = field("analytics", &between(now - year, now + 900, ".granularity(MONTH)"));
    assert_eq!(told(&bench, &longest).await["analytics"]["data_points"], json!([]));
    let far = field("analytics", &format!(".start({NOW}).end({}).granularity(DAY)", u64::MAX / 1000));
    assert_eq!(told(&bench, &far).await["analytics"]["data_points"], json!([]));
}

/// Counts that are not in the period are not read, and those that are, up to a bound.
#[tokio::test]
async fn what_figures_cost_is_bounded_by_what_was_counted_in_the_time_they_are_about() {
    let bench = bench();
    let service = traits(PricingCategory::Service, 33);
    let half_hours = 4096;
    for half_hour in 0..=half_hours {
        bench.relay.count(Counted::Sent, key(NUMBER, TODAY - 30 * half_hour, service), 1);
    }
    let from = NOW - 1800 * u64::from(half_hours - 1);
    let all = field("analytics", &between(from, NOW + 900, ".granularity(HALF_HOUR)"));
    let points = told(&bench, &all).await["analytics"]["data_points"].as_array().unwrap().len();
    assert_eq!((points, bench.relay.counts_told.swap(0, Ordering::Relaxed)), (4096, 4096));
    let more = field("analytics", &between(from - 1800, NOW + 900, ".granularity(HALF_HOUR)"));
    assert!(refused(&bench, &more).await.starts_with("granularity: there are more than the 4096 points"));
    bench.relay.counts_told.store(0, Ordering::Relaxed);
    told(&bench, &field("analytics", &between(NOW - 7200, NOW, ".granularity(HALF_HOUR)"))).await;
    assert_eq!(bench.relay.counts_told.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn more_counts_than_are_read_for_an_answer_are_refused() {
    let bench = bench();
    let markets: Vec<_> = Market::all().collect();
    let mut counts = 0;
    let quarters = (0..).map(|quarter| TODAY - 15 * quarter);
    'all: for minutes in quarters {
        for market in &markets {
            for category in PricingCategory::ALL {
                if counts == 1 << 18 {
                    break 'all;
                }
                bench.relay.count(
                    Counted::Delivered,
                    key(NUMBER, minutes, Traits::message(*category, *market)),
                    1,
                );
                counts += 1;
            }
        }
    }
    let path = field("pricing_analytics", &between(NOW - 7 * DAY_SECS, NOW + 900, ".granularity(MONTHLY)"));
    let points = told(&bench, &path).await["pricing_analytics"]["data"][0]["data_points"].clone();
    assert_eq!(points[0]["volume"], 1 << 18);
    bench.relay.count(
        Counted::Delivered,
        key(NUMBER, TODAY - 7 * DAY, traits(PricingCategory::Utility, 33)),
        1,
    );
    assert!(refused(&bench, &path).await.starts_with("end: more than 262144 counts would be read"));
}
