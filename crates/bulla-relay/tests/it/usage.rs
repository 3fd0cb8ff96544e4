//! What is sent and what is delivered, counted by quarter of an hour and market, and told in pages.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Category, Number, PhoneNumberId};
use bulla_meter::{
    Currency, Hour, LocalDate, Market, Period, Price, PriceMode, PricingCategory, PricingType, RateCard,
    Tariff, TierPrice, Traits, TypeRule, Unit, UsageKey, Zone,
};
use bulla_relay::{AccountEvent, ConfigurationError, Counted, SubmitError};

use crate::world::{SHOP, World, alice, to};

/// All that is counted between two hours, and in how many pages it came.
async fn counted(world: &World, of: Counted, (from, to): (u32, u32)) -> (Vec<(UsageKey, u64)>, usize) {
    let period = Period::new(Hour::from_minutes(from), Hour::from_minutes(to)).unwrap();
    let (mut all, mut pages): (Vec<(UsageKey, u64)>, usize) = (Vec::new(), 0);
    loop {
        let after = all.last().map(|(key, _)| *key);
        let page = world.relay.usage_page(SHOP, of, period, after).await.unwrap();
        if page.is_empty() {
            return (all, pages);
        }
        all.extend(page);
        pages += 1;
    }
}

const ALWAYS: (u32, u32) = (0, u32::MAX);

#[tokio::test(start_paused = true)]
async fn what_is_sent_is_counted_with_the_message_and_what_is_delivered_when_it_is() {
    let world = World::new().await;
    let french = Number::parse("+33612345678").unwrap();
    let (phone, other) = (world.device(alice()).await, world.device(french.clone()).await);
    other.close().await;
    world.relay.submit(SHOP, to(alice(), "one").category(Category::Utility)).await.unwrap();
    world.relay.submit(SHOP, to(alice(), "two").category(Category::Utility)).await.unwrap();
    world.relay.submit(SHOP, to(french.clone(), "buy").category(Category::Marketing)).await.unwrap();
    // Nobody with this number has a device: what is not sealed is not sent.
    let nobody = Number::parse("+4915112345678").unwrap();
    world.relay.submit(SHOP, to(nobody, "is anybody there?")).await.unwrap();
    let told = |(key, units): &(UsageKey, u64)| (key.traits(), *units);
    let notices = (Traits::message(PricingCategory::Utility, Market::of(&alice())), 2);
    let offers = (Traits::message(PricingCategory::Marketing, Market::of(&french)), 1);
    let (sent, pages) = counted(&world, Counted::Sent, ALWAYS).await;
    let mut by_traits: Vec<_> = sent.iter().map(told).collect();
    by_traits.sort();
    let mut expected = vec![notices, offers];
    expected.sort();
    assert_eq!((by_traits, pages), (expected, 1));

    phone.next().await.unwrap();
    phone.next().await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    let (delivered, _) = counted(&world, Counted::Delivered, ALWAYS).await;
    assert_eq!(
        delivered.iter().map(told).collect::<Vec<_>>(),
        [notices],
        "whom nobody answers for has nothing"
    );

    // Only what is in the period is read.
    let hour = sent[0].0.hour().minutes();
    assert_eq!(hour % 15, 0);
    assert_eq!(counted(&world, Counted::Sent, (hour, hour + 15)).await.0.len(), 2);
    assert!(counted(&world, Counted::Sent, (0, hour)).await.0.is_empty());
    assert!(counted(&world, Counted::Sent, (hour + 15, u32::MAX)).await.0.is_empty());
}

#[tokio::test(start_paused = true)]
async fn figures_survive_a_restart_and_are_told_of_numbers_that_are_there() {
    let world = World::new().await;
    let _phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "one")).await.unwrap();
    let before = counted(&world, Counted::Sent, ALWAYS).await.0;
    assert_eq!(before.len(), 1);
    world.relay.close().await;
    let relay = world.reopen().await.unwrap();
    let period = Period::new(Hour::from_minutes(0), Hour::from_minutes(u32::MAX)).unwrap();
    assert_eq!(relay.usage_page(SHOP, Counted::Sent, period, None).await.unwrap(), before);
    let unknown = relay.usage_page(PhoneNumberId::new(1), Counted::Sent, period, None).await;
    let is_unknown = matches!(unknown, Err(ConfigurationError::Submit(SubmitError::UnknownBusiness { .. })));
    assert!(is_unknown, "{unknown:?}");
}

/// Notices cost less from the third of a month on, and less again from the fifth.
fn tiered() -> (Arc<Zone>, Arc<Tariff>) {
    let date = LocalDate::parse("2020-01-01").unwrap();
    let tiers = [(0, 3), (2, 2), (4, 1)].map(|(units, micros)| TierPrice::new(units, micros));
    let of = (PricingCategory::Utility, Unit::Message);
    let prices = vec![Price::new(date, of, None, PriceMode::Fixed, tiers.to_vec()).unwrap()];
    let rules = TypeRule::everywhere(date, |_, _| PricingType::Regular);
    let card = RateCard::new("a", Currency::parse("EUR").unwrap(), rules, prices, Vec::new()).unwrap();
    let zone = Zone::utc();
    (Arc::new(zone.clone()), Arc::new(Tariff::new(&card, &zone)))
}

#[tokio::test(start_paused = true)]
async fn another_tier_of_a_price_is_told_once_a_month() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let send = async |count: usize| {
        for _ in 0..count {
            world.relay.submit(SHOP, to(alice(), "one").category(Category::Utility)).await.unwrap();
            phone.next().await.unwrap();
        }
        world.pass(Duration::from_secs(60)).await;
    };
    let told = |from: usize| -> Vec<_> {
        let tier = |event: &AccountEvent| match event {
            AccountEvent::VolumeTier(update) => (update.month.to_string(), update.reached.tier.to_string()),
            other => panic!("{other:?}"),
        };
        world.sink.of_accounts().iter().skip(from).map(tier).collect()
    };
    send(1).await;
    assert_eq!(world.relay.tell_volume_tiers(SHOP, tiered()).await.unwrap(), 0);
    send(1).await;
    let counts = [
        world.relay.tell_volume_tiers(SHOP, tiered()).await,
        world.relay.tell_volume_tiers(SHOP, tiered()).await,
    ];
    assert_eq!(counts.map(Result::unwrap), [1, 0]);
    world.pass(Duration::from_secs(60)).await;
    let month = {
        let hour = Hour::quarter(world.clock.now());
        Zone::utc().date(hour).month().0
    };
    assert_eq!(told(0), [(month.to_string(), "3:4".to_owned())]);
    send(5).await;
    world.relay.close().await;
    let relay = world.reopen().await.unwrap();
    assert_eq!(relay.tell_volume_tiers(SHOP, tiered()).await.unwrap(), 1);
    assert_eq!(relay.tell_volume_tiers(SHOP, tiered()).await.unwrap(), 0);
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(told(1), [(month.to_string(), "5:".to_owned())]);
    let unknown = relay.tell_volume_tiers(PhoneNumberId::new(1), tiered()).await;
    assert!(matches!(unknown, Err(ConfigurationError::Submit(SubmitError::UnknownBusiness { .. }))));
}
