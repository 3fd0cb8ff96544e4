//! The state machine is the meter: what is counted is the first of delivered and read, once.

use std::time::Duration;

use bulla_meter::{
    Entry, Event, Facts, GRACE_MINUTES, Ledger, MAX_VARIANTS, Outcome, PricingCategory, Step, UsageKey,
};
use proptest::prelude::*;

use crate::bills::{ACCOUNT, facts, tag};
use crate::cards::{berlin, instant};

fn event(step: Step, at: &str) -> Event {
    Event::new(tag(1), facts(PricingCategory::Utility, 49), step, instant(at))
}

fn with_units(category: PricingCategory, units: u32) -> Facts {
    let Facts { account, number, traits, .. } = facts(category, 49);
    Facts::new(account, number, traits, units)
}

#[test]
fn what_is_billed_is_the_first_of_delivered_and_read_whichever_comes_first() {
    let (delivered, read) =
        (event(Step::Delivered, "2026-10-01T09:59:00Z"), event(Step::Read, "2026-10-01T10:01:00Z"));
    let zone = berlin();
    let key =
        |at| UsageKey::new(ACCOUNT, delivered.facts.number, zone.hour(instant(at)), delivered.facts.traits);
    let (earlier, later) = (key("2026-10-01T09:59:00Z"), key("2026-10-01T10:01:00Z"));
    let mut ledger = Ledger::new(zone.clone());
    let accepted = ledger.apply(&event(Step::Accepted, "2026-10-01T09:00:00Z"));
    assert_eq!(accepted.changes().count(), 0, "nothing is billed before it is delivered");
    // The later one is heard of first, and is moved by the other.
    let first: Vec<_> = ledger.apply(&read).changes().collect();
    assert_eq!(first, [(later, 1)]);
    let second: Vec<_> = ledger.apply(&delivered).changes().collect();
    assert_eq!(second, [(later, -1), (earlier, 1)]);
    assert_eq!(ledger.usage().counts(), [(earlier, 1)]);
    let again = ledger.apply(&delivered);
    assert_eq!((again.outcome, again.changes().count()), (Outcome::Doubled, 0));
    // What failed is billed if it was delivered after all.
    ledger.apply(&event(Step::Failed, "2026-10-01T09:30:00Z"));
    assert_eq!(ledger.usage().counts(), [(earlier, 1)]);
}

#[test]
fn what_fails_is_not_billed() {
    let mut ledger = Ledger::new(berlin());
    for step in [Step::Accepted, Step::Sent, Step::Failed] {
        assert_eq!(ledger.apply(&event(step, "2026-10-01T09:00:00Z")).changes().count(), 0);
    }
    assert!(ledger.usage().is_empty());
}

#[test]
fn who_disagrees_is_counted_and_changes_no_sum_by_being_quick() {
    let (utility, marketing) = (facts(PricingCategory::Utility, 49), facts(PricingCategory::Marketing, 49));
    let of = |facts: Facts| Event::new(tag(1), facts, Step::Delivered, instant("2026-10-01T09:00:00Z"));
    for order in [[utility, marketing], [marketing, utility]] {
        let mut ledger = Ledger::new(berlin());
        ledger.apply(&of(order[0]));
        assert_eq!(ledger.apply(&of(order[1])).outcome, Outcome::Conflicting);
        let counts = ledger.usage().counts();
        assert_eq!(counts.len(), 1);
        assert_eq!(counts[0].0.traits(), utility.traits);
        assert_eq!(ledger.irregularities().conflicting, 1);
    }
}

#[test]
fn a_charge_that_is_said_in_two_ways_is_the_least_and_a_conflict() {
    for order in [[10, 20], [20, 10]] {
        let mut entry = Entry::new();
        entry.apply(&event(Step::Delivered, "2026-10-01T09:00:00Z"), &berlin());
        let outcomes = order.map(|micros| {
            entry.apply(&event(Step::Charged(micros), "2026-10-01T09:00:00Z"), &berlin()).outcome
        });
        assert_eq!(outcomes, [Outcome::New, Outcome::Conflicting]);
        assert_eq!(entry.delivery(&berlin()).unwrap().charged, Some(10));
    }
}

#[test]
fn only_what_comes_after_the_grace_is_late() {
    let on_time = event(Step::Delivered, "2026-10-01T09:00:00Z");
    let grace = Duration::from_secs(u64::from(GRACE_MINUTES) * 60);
    for (delay, late) in [(grace, 0), (grace + Duration::from_millis(1), 1)] {
        let mut entry = Entry::new();
        entry.apply(&on_time.known_at(on_time.at.after(delay)), &berlin());
        assert_eq!(entry.irregularities().late, late);
    }
}

#[test]
fn an_entry_holds_so_many_variants_and_counts_the_rest() {
    let mut entry = Entry::new();
    let of = |units| {
        let facts = with_units(PricingCategory::Utility, units);
        Event::new(tag(1), facts, Step::Delivered, instant("2026-10-01T09:00:00Z"))
    };
    let most = u32::try_from(MAX_VARIANTS).unwrap();
    for units in (0..most).rev() {
        entry.apply(&of(units), &berlin());
    }
    let full = entry.to_bytes().len();
    assert_eq!(entry.apply(&of(most), &berlin()).outcome, Outcome::Conflicting);
    assert_eq!(entry.to_bytes().len(), full, "there is no room for one more");
    assert_eq!(entry.irregularities().conflicting, u64::from(most));
    assert_eq!(Entry::from_bytes(&entry.to_bytes()), Ok(entry));
}

#[test]
fn an_entry_of_a_message_takes_sixty_two_bytes() {
    let mut entry = Entry::new();
    for step in [Step::Accepted, Step::Sent, Step::Delivered] {
        entry.apply(&event(step, "2026-10-01T09:00:00Z"), &berlin());
    }
    assert_eq!(entry.to_bytes().len(), 62);
}

#[test]
fn a_count_that_was_changed_is_found() {
    let mut ledger = Ledger::new(berlin());
    ledger.apply(&event(Step::Delivered, "2026-10-01T09:00:00Z"));
    let mut counted = ledger.usage().clone();
    assert_eq!(ledger.drift(&counted), []);
    let (key, _) = counted.counts()[0];
    counted.add(key, 2);
    let drift = ledger.drift(&counted);
    assert_eq!((drift.len(), drift[0].key, drift[0].counted, drift[0].folded), (1, key, 3, 1));
}

/// Few messages, times and facts, so that events meet.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let steps = prop_oneof![
        Just(Step::Accepted),
        Just(Step::Sent),
        Just(Step::Delivered),
        Just(Step::Read),
        Just(Step::Failed),
        (0..3_u64).prop_map(Step::Charged),
    ];
    let event =
        (0..4_u64, steps, 0..200_u64, 0..3_u64, 0..6_u32).prop_map(|(message, step, at, days, variant)| {
            let category = [PricingCategory::Utility, PricingCategory::Marketing][(variant % 2) as usize];
            let facts = with_units(category, 1 + variant / 2);
            // Around the end of summer time.
            let at = instant("2026-10-25T00:00:00Z").after(Duration::from_secs(at * 60));
            Event::new(tag(message), facts, step, at)
                .known_at(at.after(Duration::from_secs(days * 2 * 86_400)))
        });
    prop::collection::vec(event, 0..60)
}

proptest! {
    /// Late, doubled, reordered, conflicting: any order gives the same counts, entries and bytes.
    #[test]
    fn any_order_of_arrival_gives_the_same_sums(events in events(), seed in any::<u64>()) {
        let mut shuffled = events.clone();
        let mut state = seed | 1;
        for place in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(place, usize::try_from(state >> 33).unwrap() % (place + 1));
        }
        let [one, other] = [events, shuffled].map(|events| {
            let mut ledger = Ledger::new(berlin());
            for event in &events {
                ledger.apply(event);
            }
            ledger
        });
        prop_assert_eq!(one.usage().counts(), other.usage().counts());
        prop_assert_eq!(one.irregularities(), other.irregularities());
        prop_assert_eq!(one.folded().counts(), one.usage().counts());
        for message in 0..4 {
            prop_assert_eq!(one.entry(tag(message)), other.entry(tag(message)));
            if let Some(entry) = one.entry(tag(message)) {
                let read = Entry::from_bytes(&entry.to_bytes());
                prop_assert_eq!(read.as_ref(), Ok(entry));
            }
        }
    }
}
