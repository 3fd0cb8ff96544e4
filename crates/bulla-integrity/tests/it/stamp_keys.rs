//! The keys of stamps go on with the days, survive a restart and are gone when their time is over.

use std::time::Duration;

use bulla_base::{Day, SeededRng, Timestamp};
use bulla_integrity::{MAX_DAYS_FORWARD, NotProven, STAMP_KEY_DAYS, StampKeys};

use crate::test_carrier::{NOON, Sent, keys};

const DAY: Duration = Duration::from_secs(86_400);

fn days_after(days: u32) -> Timestamp {
    NOON.after(DAY * days)
}

#[test]
fn what_was_sent_is_proven_for_37_days_and_never_after() {
    let mut keys = keys(NOON);
    let sent = Sent::new(1, &keys, NOON);
    for day in 0..=STAMP_KEY_DAYS {
        keys.advance(days_after(day).day()).unwrap();
        assert!(sent.is_proven(&keys), "{day}");
        assert!(Sent::new(2, &keys, days_after(day)).is_proven(&keys));
    }
    assert!(keys.advance(days_after(STAMP_KEY_DAYS + 1).day()).unwrap(), "a key is destroyed");
    assert_eq!(sent.report().verify(&sent.to, &keys), Err(NotProven::TooOld));
    // Nor with what is stored, and nobody brings it back by a clock that goes back.
    let mut again = StampKeys::from_bytes(&keys.to_bytes()).unwrap();
    again.advance(NOON.day()).unwrap();
    assert_eq!(sent.report().verify(&sent.to, &again), Err(NotProven::TooOld));
}

#[test]
fn keys_are_the_same_after_a_restart_on_any_day() {
    let mut running = keys(NOON);
    let mut sent = Vec::new();
    for day in 0..80 {
        let now = days_after(day);
        running.advance(now.day()).unwrap();
        sent.push(Sent::new(u64::from(day), &running, now));
        let mut restarted = StampKeys::from_bytes(&running.to_bytes()).unwrap();
        restarted.advance(now.day()).unwrap();
        for (made, sent) in sent.iter().enumerate() {
            let is_live = u32::try_from(made).unwrap() + STAMP_KEY_DAYS >= day;
            assert_eq!((sent.is_proven(&running), sent.is_proven(&restarted)), (is_live, is_live));
        }
    }
    assert_eq!(running.to_bytes().len(), 37);
}

#[test]
fn days_on_which_nothing_ran_change_nothing() {
    let (mut daily, mut seldom) = (keys(NOON), keys(NOON));
    (0..=60).for_each(|day| _ = daily.advance(days_after(day).day()).unwrap());
    seldom.advance(days_after(60).day()).unwrap();
    let sent = Sent::new(1, &daily, days_after(60));
    assert!(sent.is_proven(&seldom));
    assert_eq!(daily.to_bytes(), seldom.to_bytes());
}

#[test]
fn a_clock_that_goes_back_still_stamps_and_destroys_nothing() {
    let mut keys = keys(NOON);
    keys.advance(days_after(10).day()).unwrap();
    let stored = keys.to_bytes();
    assert!(!keys.advance(days_after(3).day()).unwrap());
    assert!(Sent::new(1, &keys, days_after(3)).is_proven(&keys));
    assert_eq!(keys.to_bytes(), stored);
}

#[test]
fn a_clock_a_year_ahead_goes_on_and_one_day_more_is_refused() {
    let mut keys = StampKeys::new(Day::from_number(100), &SeededRng::new(1));
    let ahead = Day::from_number(100 + MAX_DAYS_FORWARD);
    let stored = keys.to_bytes();
    let refused = keys.advance(Day::from_number(ahead.number() + 1)).unwrap_err();
    assert_eq!(refused.to_string(), "days forward of 367 is more than the 366 allowed");
    assert_eq!(keys.to_bytes(), stored);
    keys.advance(ahead).unwrap();
    assert_eq!(keys.first().number(), ahead.number() - STAMP_KEY_DAYS);
    assert!(keys.advance(Day::from_number(u32::MAX)).is_err());
}

#[test]
fn neither_keys_nor_stamps_nor_what_was_said_print() {
    let keys = keys(NOON);
    let sent = Sent::new(5, &keys, NOON);
    let printed = format!("{keys:?} {:?}", sent.report());
    assert!(
        printed.starts_with("StampKeys { first: Day(20778), days: 1, .. } Report { reason: Spam"),
        "{printed}"
    );
    assert!(printed.contains("plaintext: 160 bytes") && !printed.contains("[1"), "{printed}");
}
