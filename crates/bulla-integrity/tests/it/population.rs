//! Ten thousand users, and businesses that are honest or not: whom is something done about, and when.
//!
//! What counts as failure, before it runs: a business that writes to everybody reaches more than 1 % of the
//! users before it is stopped for good, however patiently it waits, more often than once in 200 runs (users
//! complain by chance, and may be late with it); an honest one is warned, limited, paused or stopped in more
//! than one of a thousand weeks. `INTEGRITY_SEEDS=100` runs more of them.

mod business;
mod dice;

use bulla_integrity::{Enforcement, Rung, Signal};

use self::business::{Business, Kind, Outcome};

const USERS: u32 = 10_000;

fn seeds() -> u64 {
    std::env::var("INTEGRITY_SEEDS").map_or(6, |seeds| seeds.parse().unwrap())
}

#[test]
fn who_writes_to_everybody_is_stopped_within_one_percent_of_the_list() {
    for kind in [Kind::CleanList, Kind::BoughtList, Kind::Enumerator, Kind::TurnedShop, Kind::SlowDrip] {
        let (mut worst, mut over) = (0, 0);
        for seed in 0..seeds() * 5 {
            let Outcome { events, reached, standing } = Business::new(kind, seed).write_to_everybody(USERS);
            assert_eq!(
                standing.ladder().rung(),
                Rung::Stopped,
                "{kind:?} {seed}: {reached} reached, {events:?}"
            );
            worst = worst.max(reached);
            over += u64::from(reached * 100 > USERS);
        }
        println!("{kind:?}: at most {worst} of {USERS} users reached");
        assert!(over * 200 <= seeds() * 5, "{kind:?} reached {worst}, and {over} times more than 1 %");
    }
}

#[test]
fn honest_businesses_are_flagged_in_under_one_of_a_thousand_weeks() {
    const WEEKS: u32 = 10;
    let (mut weeks, mut flagged) = (0, 0);
    for kind in [Kind::Shop, Kind::Newsletter, Kind::Bank, Kind::VillageClinic, Kind::Support] {
        for seed in 0..seeds() {
            let Outcome { events, .. } = Business::new(kind, seed).live_honestly(WEEKS);
            for event in &events {
                println!("{kind:?} {seed}: {event:?}");
            }
            (weeks, flagged) = (weeks + WEEKS, flagged + u32::try_from(events.len()).unwrap());
        }
    }
    println!("{flagged} of {weeks} weeks");
    assert!(flagged * 1_000 <= weeks, "{flagged} of {weeks}");
}

/// It waits for the end of each restriction and goes on; and between them it behaves, for as long as it takes
/// to be forgotten if waiting were enough.
#[test]
fn the_ladder_cannot_be_walked_down_by_waiting() {
    for wait_days in [1, 7, 31, 120] {
        let Outcome { events, reached, standing } =
            Business::new(Kind::Patient { wait_days }, 3).write_to_everybody(USERS);
        assert_eq!(standing.ladder().rung(), Rung::Stopped, "{wait_days}: {events:?}");
        assert!(reached * 100 <= USERS, "{wait_days}: {reached}");
        let lowered = events.iter().any(|event| matches!(event.what(), Enforcement::Lowered { .. }));
        assert!(!lowered, "{wait_days}: {events:?}");
    }
}

#[test]
fn a_category_that_is_none_is_seen_by_reports_and_named() {
    for seed in 0..seeds() {
        let Outcome { events, reached, .. } =
            Business::new(Kind::FalseCategory, seed).write_to_everybody(USERS);
        let first = events.first().unwrap();
        let most = first.signals().iter().max_by_key(|(_, evidence)| evidence.score()).unwrap();
        assert_eq!((most.0, first.api_violation()), (Signal::Category, Some("TEMPLATE_CATEGORY_MISUSE")));
        assert!(reached < USERS / 10, "{seed}: {reached}");
    }
}
