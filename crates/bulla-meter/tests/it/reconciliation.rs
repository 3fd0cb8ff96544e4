//! Two sides that do not agree find each message, and tell each other little.

use std::collections::BTreeSet;

use bulla_meter::{
    Answers, Comparison, DifferenceKind, Hour, Leaf, MessageTag, PricingCategory, Question, Report, Side,
    Traits,
};

use crate::bills::{Account, tag};

fn leaves(count: u64) -> (Account, Vec<Leaf>) {
    let mut account = Account::in_month("2026-10-01");
    account.deliver(0..count);
    let leaves = account.leaves();
    (account, leaves)
}

fn side(account: &Account, leaves: Vec<Leaf>) -> Side {
    Side::new(account.zone.clone(), leaves).unwrap()
}

/// Drives a comparison, with everything as bytes.
fn compare(here: &Side, there: &Side) -> Report {
    let mut comparison = Comparison::new(here);
    while let Some(question) = comparison.question() {
        let question = Question::from_bytes(&question.to_bytes()).unwrap();
        let answers = there.answer(&question).unwrap().to_bytes();
        comparison.answer(&Answers::from_bytes(&answers).unwrap()).unwrap();
    }
    comparison.finish().unwrap()
}

#[test]
fn sides_that_agree_find_out_with_one_question() {
    let (account, leaves) = leaves(3000);
    let mut reversed = leaves.clone();
    reversed.reverse();
    let [here, there] = [leaves, reversed].map(|leaves| Side::new(account.zone.clone(), leaves).unwrap());
    let report = compare(&here, &there);
    assert_eq!((report.differences().len(), report.rounds()), (0, 1));
    assert_eq!(report.to_string(), "Both sides agree on every message.\n");
}

#[test]
fn planted_differences_are_found_and_nothing_else_is() {
    let (account, here) = leaves(20_000);
    let mut there = here.clone();
    let price = there.iter().position(|leaf| leaf.micros > 0 && leaf.tag > tag(500)).unwrap();
    there[price].micros += 100;
    let category =
        (price + 100..).find(|place| there[*place].traits.category == PricingCategory::Utility).unwrap();
    let traits = there[category].traits;
    there[category].traits =
        Traits::message(PricingCategory::Marketing, traits.market).with_window(traits.window);
    let hour = price + 1000;
    there[hour].hour = Hour::from_minutes(there[hour].hour.minutes() + 60);
    let missing_there = there.remove(price + 2000);
    let mut here = here;
    let missing_here = here.remove(price + 3000);
    let expected: BTreeSet<_> = [
        (here[price].tag, DifferenceKind::OtherPrice),
        (here[category].tag, DifferenceKind::OtherCategory),
        (here[hour].tag, DifferenceKind::OtherHour),
        (missing_there.tag, DifferenceKind::OnlyHere),
        (missing_here.tag, DifferenceKind::OnlyThere),
    ]
    .into();
    let [ours, theirs] = [here, there].map(|leaves| Side::new(account.zone.clone(), leaves).unwrap());
    let report = compare(&ours, &theirs);
    let found: BTreeSet<_> = report.differences().iter().map(|it| (it.tag().unwrap(), it.kind)).collect();
    assert_eq!(found, expected);
    assert!(report.exchanged_bytes() < 5 * 50_000, "{} bytes", report.exchanged_bytes());
    assert!(report.to_string().contains("other category"), "{report}");
    // From the other side it is the same the other way round.
    let mirrored = compare(&theirs, &ours);
    assert_eq!(mirrored.differences().len(), 5);
    assert_eq!(mirrored.amount(), -report.amount());
}

#[test]
fn one_side_may_have_nothing_at_all() {
    let (account, leaves) = leaves(500);
    let (all, none) = (side(&account, leaves), side(&account, Vec::new()));
    assert_eq!(compare(&all, &none).by_kind()[&DifferenceKind::OnlyHere].0, 500);
    assert_eq!(compare(&none, &all).by_kind()[&DifferenceKind::OnlyThere].0, 500);
}

/// Tags that differ in their last bits only: what would make a search by prefixes endless.
#[test]
fn tags_that_begin_alike_are_told_apart() {
    let template = leaves(1).1[0];
    let leaf = |last: u8, units| {
        let mut bytes = [9; 16];
        bytes[15] = last;
        let mut leaf = template;
        leaf.tag = MessageTag::from_bytes(bytes);
        leaf.units = units;
        leaf
    };
    let here: Vec<_> = (0..200).map(|last| leaf(last, 1)).collect();
    let mut there = here.clone();
    there[77] = leaf(77, 2);
    let zone = Account::in_month("2026-10-01").zone;
    let [here, there] = [here, there].map(|leaves| Side::new(zone.clone(), leaves).unwrap());
    let report = compare(&here, &there);
    assert_eq!(report.differences().len(), 1);
    assert_eq!(report.differences()[0].kind, DifferenceKind::Other);
}

#[test]
fn who_answers_of_something_else_is_refused() {
    let (account, leaves) = leaves(100);
    let side = Side::new(account.zone.clone(), leaves.clone()).unwrap();
    let twice = [leaves[0], leaves[0]].to_vec();
    assert!(Side::new(account.zone, twice).is_err(), "a message stands twice");
    let mut comparison = Comparison::new(&side);
    let question = comparison.question().unwrap();
    let days = side.answer(&question).unwrap();
    comparison.answer(&days).unwrap();
    assert!(comparison.question().is_none(), "it agrees with itself");
    let mut other = Comparison::new(&side);
    other.question();
    other.answer(&days).unwrap();
    assert!(other.answer(&days).is_err(), "nothing was asked");
    assert!(Question::from_bytes(&[0, 0, 0, 0]).is_err());
}

/// A question of 270 bytes asked 256 times about everything: who answered hashed a million leaves as often.
#[test]
fn no_leaf_is_hashed_for_two_places_of_one_question() {
    let (account, leaves) = leaves(3000);
    let side = side(&account, leaves.clone());
    let (date, hour) = (account.zone.date(leaves[0].hour), leaves[0].hour);
    let (period, day) = (vec![0], [&[1][..], &date.days().to_be_bytes()].concat());
    let hour = [&[2][..], &hour.minutes().to_be_bytes()].concat();
    let question = |places: &[&Vec<u8>]| {
        let count = u32::try_from(places.len()).unwrap().to_be_bytes();
        let places = places.iter().flat_map(|place| place.iter().copied());
        Question::from_bytes(&count.into_iter().chain(places).collect::<Vec<_>>())
    };
    for twice in [&period, &day, &hour] {
        assert!(question(&[twice, twice]).is_err());
        assert!(side.answer(&question(&[twice]).unwrap()).is_ok());
    }
    for nested in [[&period, &day], [&day, &period], [&hour, &period]] {
        assert!(side.answer(&question(&nested).unwrap()).is_err(), "{nested:?}");
    }
    // What is on no side takes nothing, and the edge is all that there is.
    let elsewhere = [&[1][..], &1_u32.to_be_bytes()].concat();
    assert_eq!(side.answer(&question(&[&period, &elsewhere]).unwrap()).unwrap().parts().len(), 2);
}
