//! How many events are with the sink at once, and what becomes of those it does not take.

use std::time::Duration;

use bulla_base::Backoff;
use bulla_relay::{Event, InvalidSettings, RelayError, Report, Settings};
use tokio::time::Instant;

use crate::forward_events::words;
use crate::world::{BAKERY, SHOP, World, alice, bob, says};

const HOUR: Duration = Duration::from_secs(3600);

fn places(in_all: usize, per_business: usize) -> Settings {
    Settings::default().events_at_sink(in_all, per_business)
}

#[tokio::test(start_paused = true)]
async fn no_more_events_are_with_the_sink_than_the_settings_say() {
    let world = World::with(places(5, 3)).await;
    for business in [SHOP, BAKERY] {
        world.sink.pace(business, Duration::from_secs(1));
        let _crowd = world.crowd(10, business).await;
    }
    world.sink.wait_for(20, &*world.clock).await;
    assert_eq!(world.sink.most_at_once(SHOP), 3);
    assert_eq!(world.sink.most_at_once(BAKERY), 3);
    assert_eq!(world.sink.most_in_all(), 5);
}

#[tokio::test(start_paused = true)]
async fn no_more_events_are_with_the_sink_after_a_restart_either() {
    let world = World::new().await;
    world.sink.close(true);
    let _crowd = world.crowd(20, SHOP).await;
    world.pass(Duration::from_secs(2)).await;
    world.relay.close().await;
    world.sink.close(false);
    let before = world.sink.most_in_all();
    assert!(before <= 1, "the sink refused at once: {before}");
    world.sink.pace(SHOP, Duration::from_secs(1));
    let _relay = world.reopen_with(places(4, 4)).await.unwrap();
    world.sink.wait_for(20, &*world.clock).await;
    assert_eq!(world.sink.most_in_all(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_business_that_does_not_answer_does_not_hold_up_another() {
    let world = World::with(places(4, 3)).await;
    world.sink.pace(SHOP, 24 * HOUR);
    let _waiting = world.crowd(10, SHOP).await;
    world.pass(Duration::from_secs(1)).await;
    let _served = world.crowd(5, BAKERY).await;
    world.pass(Duration::from_secs(1)).await;
    let taken = world.sink.taken();
    assert_eq!(taken.len(), 5);
    assert!(taken.iter().all(|event| event.subject().business == BAKERY));
}

#[tokio::test(start_paused = true)]
async fn with_one_place_for_all_every_conversation_keeps_its_order() {
    let world = World::with(places(1, 1)).await;
    world.sink.pace(SHOP, Duration::from_millis(100));
    let (alice_phone, bob_phone) = (world.device(alice()).await, world.device(bob()).await);
    for number in 0..10 {
        for phone in [&alice_phone, &bob_phone] {
            phone.send(SHOP, &says(&number.to_string())).await.unwrap();
        }
    }
    let taken = world.sink.wait_for(20, &*world.clock).await;
    assert_eq!(world.sink.most_in_all(), 1);
    for user in [alice(), bob()] {
        let of_user: Vec<Event> =
            taken.iter().filter(|event| event.subject().user == user).cloned().collect();
        assert_eq!(words(&of_user), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_panics_fails_the_event_at_hand_and_gets_it_again() {
    let world = World::new().await;
    let (alice_phone, bob_phone) = (world.device(alice()).await, world.device(bob()).await);
    world.sink.refuse(&["panic", "panic at once", "panic"]);
    let began = Instant::now();
    alice_phone.send(SHOP, &says("from alice")).await.unwrap();
    let taken = world.sink.wait_for(1, &*world.clock).await;
    assert_eq!(words(&taken), ["from alice"]);
    assert_eq!(world.sink.offered(), 4);
    assert!(began.elapsed() >= Duration::from_millis(500 + 1000 + 2000), "{:?}", began.elapsed());
    bob_phone.send(SHOP, &says("from bob")).await.unwrap();
    assert_eq!(words(&world.sink.wait_for(2, &*world.clock).await), ["from alice", "from bob"]);
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_one_success_brings_the_others_back_within_seconds_and_spread() {
    // All waited as long again as the outage had lasted, and then came back in one moment.
    let world = World::new().await;
    world.sink.close(true);
    let crowd = world.crowd(30, SHOP).await;
    let elsewhere = world.crowd(1, BAKERY).await;
    world.pass(HOUR).await;
    world.sink.close(false);
    let back = Instant::now();
    world.device(alice()).await.send(SHOP, &says("fresh")).await.unwrap();
    world.pass(Duration::from_secs(6)).await;
    let first: Vec<Duration> = crowd
        .iter()
        .filter_map(|(user, _)| world.sink.offers(user).into_iter().find(|at| *at > back))
        .map(|at| at - back)
        .collect();
    assert_eq!(first.len(), 30, "all were offered again");
    let taken = world.sink.taken();
    let of_shop = taken.iter().filter(|event| event.subject().business == SHOP).count();
    assert_eq!(of_shop, taken.len(), "the bakery's waits for its own time");
    assert!(world.sink.offers(&elsewhere[0].0).into_iter().all(|at| at < back));
    for moment in &first {
        let near = first.iter().filter(|other| other.abs_diff(*moment) < Duration::from_millis(50)).count();
        assert!(near <= 15, "{near} came back at once: {first:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn businesses_that_share_a_destination_come_back_together() {
    let world = World::new().await;
    world.sink.share_destination();
    world.sink.close(true);
    let _crowds = (world.crowd(5, SHOP).await, world.crowd(5, BAKERY).await);
    world.pass(HOUR).await;
    world.sink.close(false);
    world.device(alice()).await.send(SHOP, &says("fresh")).await.unwrap();
    world.pass(Duration::from_secs(6)).await;
    assert_eq!(world.sink.taken().len(), 11);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_never_taken_is_not_offered_after_every_other_one() {
    let world = World::new().await;
    let (alice_phone, bob_phone) = (world.device(alice()).await, world.device(bob()).await);
    world.sink.refuse_user(Some(alice()));
    alice_phone.send(SHOP, &says("never")).await.unwrap();
    for _ in 0..720 {
        bob_phone.send(SHOP, &says("hello")).await.unwrap();
        world.pass(Duration::from_secs(10)).await;
    }
    assert_eq!(world.sink.taken().len(), 720);
    let offers = world.sink.offers(&alice()).len();
    // Its own times come after 1, 2, 4, … seconds: thirteen or so in two hours, each with at most three early
    // tries before it.
    assert!((8..=4 * 14).contains(&offers), "{offers}");
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_would_spin_or_never_forward_is_not_opened() {
    let world = World::new().await;
    world.relay.close().await;
    let spinning = Settings::default().backoff(Backoff::new(Duration::from_nanos(1), HOUR).unwrap());
    for (settings, field) in [(spinning, "backoff"), (places(1, 0), "events_at_sink")] {
        let refused = world.reopen_with(settings).await.unwrap_err();
        let RelayError::Settings(why) = refused else { panic!("{refused:?}") };
        assert!(why.to_string().starts_with(field), "{why}");
        assert!(matches!(why, InvalidSettings::FirstRetry { .. } | InvalidSettings::EventsAtSink { .. }));
    }
    world.reopen().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_host_hears_once_that_a_business_fails_and_how_and_that_it_recovers() {
    let world = World::new().await;
    let mut reports = world.relay.reports();
    let phone = world.device(alice()).await;
    world.sink.refuse(&["503", "503", "panic", "503", "panic", "503"]);
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.sink.wait_for(1, &*world.clock).await;
    world.relay.close().await;
    let mut heard = Vec::new();
    while let Some(report) = reports.next().await {
        heard.push(match report {
            Report::SinkFails { business: SHOP, kind } => kind.name(),
            Report::SinkRecovers { business: SHOP } => "recovers",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(heard, ["other", "panicked", "recovers"]);
}
