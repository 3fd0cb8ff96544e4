//! What is done about a business follows from its events alone, can be explained, and appealed against.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla_base::Timestamp;
use bulla_integrity::{
    APPEAL_SPAN, CLEAN_DAYS_A_STEP, Enforcement, EnforcementEvent, Evidence, Ladder, Observation, Reason,
    Refused, Rung, Signal, Standing,
};

use crate::test_carrier::NOON;

const DAY: Duration = Duration::from_secs(86_400);

/// Users complain until something is done about it.
fn complain(standing: &mut Standing, from: u64, now: Timestamp) -> EnforcementEvent {
    let mut blocks = (from..from + 50).map(|user| Observation::Blocked { user, reached: now });
    blocks.find_map(|block| standing.note(block, now)).unwrap()
}

/// It writes to so many new users, of whom no two are neighbours.
fn write(standing: &mut Standing, users: u64, now: Timestamp) -> Vec<EnforcementEvent> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let sent = |_| {
        let neighbourhood = WRITTEN.fetch_add(1, Ordering::Relaxed);
        Observation::Sent { to_new_user: true, is_template: false, neighbourhood }
    };
    (0..users).map(sent).filter_map(|sent| standing.note(sent, now)).collect()
}

#[test]
fn a_business_goes_up_step_by_step_and_each_step_says_why() {
    let mut standing = Standing::new(NOON);
    let mut events = Vec::new();
    for step in 0..4 {
        events.push(complain(&mut standing, step * 50, NOON));
    }
    let what: Vec<_> = events.iter().map(EnforcementEvent::what).collect();
    let after = |days| NOON.after(DAY * days);
    assert_eq!(
        what,
        [
            Enforcement::Warned,
            Enforcement::Limited { until: after(1) },
            Enforcement::Paused { until: after(5) },
            Enforcement::Stopped
        ][..what.len()]
    );
    let (signal, evidence) = events[0].signals()[0];
    assert_eq!((signal, evidence.bad(), evidence.score()), (Signal::Feedback, 5, 10_395));
    assert_eq!((events[0].score(), events[0].api_event()), (10_395, "ACCOUNT_VIOLATION"));
    assert_eq!(events[0].api_violation(), Some("SPAM"));
    let restrictions = events[2].api_restrictions();
    assert_eq!(restrictions[2], ("RESTRICTED_CUSTOMER_INITIATED_MESSAGING", after(5)));
    assert_eq!(events[0].reasons(), "feedback 5 of 5 (10395)");
    // What is stored leads to the same ladder.
    let mut ladder = Ladder::default();
    for event in &events {
        ladder.apply(&EnforcementEvent::from_bytes(&event.to_bytes()).unwrap());
    }
    assert_eq!(&ladder, standing.ladder());
    assert_eq!(ladder.rung(), Rung::Stopped);
}

#[test]
fn who_is_limited_answers_and_who_is_paused_does_not() {
    let mut standing = Standing::new(NOON);
    let _ = complain(&mut standing, 0, NOON);
    assert!(standing.admit(true, NOON).is_ok(), "it was only warned");
    let _ = complain(&mut standing, 50, NOON);
    assert!(matches!(standing.admit(true, NOON), Err(Refused::Restricted { rung: Rung::Limited, .. })));
    assert!(standing.admit(false, NOON).is_ok() && standing.admit_from_user(NOON).is_ok());
    let _ = complain(&mut standing, 100, NOON);
    assert!(standing.admit(false, NOON).is_err() && standing.admit_from_user(NOON).is_err());
    let end = NOON.after(DAY * 5);
    assert!(standing.admit(false, end.before(Duration::from_millis(1))).is_err());
    assert!(standing.admit(false, end).is_ok() && standing.admit_from_user(end).is_ok());
}

#[test]
fn when_a_restriction_is_over_little_leads_to_the_next() {
    let mut standing = Standing::new(NOON);
    let _ = (complain(&mut standing, 0, NOON), complain(&mut standing, 50, NOON));
    let later = NOON.after(DAY * 100);
    assert!(standing.admit(true, later).is_ok(), "the limit is over");
    assert_eq!(standing.ladder().rung(), Rung::Limited, "and the rung is not");
    assert_eq!(standing.score(later), standing.score(NOON), "nor is what was seen");
    let block = |user| Observation::Blocked { user, reached: later };
    let event = (200..203).find_map(|user| standing.note(block(user), later)).unwrap();
    assert!(matches!(event.what(), Enforcement::Paused { .. }), "{event:?}");
}

#[test]
fn thirty_days_on_which_nobody_minded_lead_down_by_one_and_silent_ones_do_not() {
    let mut standing = Standing::new(NOON);
    let _ = (complain(&mut standing, 0, NOON), complain(&mut standing, 50, NOON));
    for day in 1..200 {
        assert_eq!(standing.sweep(NOON.after(DAY * day)), None);
    }
    let mut lowered = Vec::new();
    for day in 200..200 + u32::from(CLEAN_DAYS_A_STEP) + 1 {
        assert!(lowered.is_empty(), "not before the days are over");
        lowered.extend(write(&mut standing, 20, NOON.after(DAY * day)));
    }
    assert_eq!(lowered[0].what(), Enforcement::Lowered { to: Rung::Warned });
    // With one user less none of the days counts.
    for day in 300..400 {
        assert!(write(&mut standing, 19, NOON.after(DAY * day)).is_empty());
    }
}

#[test]
fn an_appeal_is_made_once_in_time_and_granted_it_is_as_if_nothing_had_been() {
    let mut standing = Standing::new(NOON);
    assert_eq!(standing.appeal(NOON), None, "there is nothing to appeal against");
    let _ = complain(&mut standing, 0, NOON);
    let (last, late) = (NOON.after(APPEAL_SPAN - Duration::from_millis(1)), NOON.after(APPEAL_SPAN));
    assert_eq!(standing.clone().appeal(late), None);
    assert_eq!(standing.decide_appeal(true, NOON), None, "there is none");
    assert_eq!(standing.appeal(last).unwrap().what(), Enforcement::Appealed);
    assert_eq!(standing.appeal(last), None);
    let mut denied = standing.clone();
    assert_eq!(denied.decide_appeal(false, last).unwrap().what(), Enforcement::AppealDenied);
    assert_eq!((denied.ladder().rung(), denied.appeal(last)), (Rung::Warned, None));
    assert_eq!(standing.decide_appeal(true, last).unwrap().what(), Enforcement::AppealGranted);
    assert_eq!((standing.ladder().rung(), standing.score(last)), (Rung::Clear, 0));
}

/// So many numbers that nobody has, one second after the other.
fn miss(standing: &mut Standing, count: u64, now: Timestamp) -> Vec<Enforcement> {
    let at = |second| now.after(Duration::from_secs(second));
    let events = (0..count).filter_map(|second| standing.note(Observation::Unreachable, at(second)));
    events.map(|event| event.what()).collect()
}

/// A shop that had just begun wrote to sixteen numbers of its list, of which nobody had one: it was warned
/// with the fifth, and stopped for good with the eighth, within eight seconds.
#[test]
fn a_few_numbers_that_nobody_has_are_warned_of_and_nothing_more() {
    let mut standing = Standing::new(NOON);
    assert_eq!(miss(&mut standing, 13, NOON), [Enforcement::Warned]);
    // Nor later, and not because it has just been registered and nobody answers.
    let later = NOON.after(DAY * 3);
    assert!(write(&mut standing, 50, later).is_empty());
    assert_eq!(miss(&mut standing, 5, later), []);
    assert_eq!(standing.ladder().rung(), Rung::Warned);
}

#[test]
fn many_numbers_that_nobody_has_lead_up_by_one_rung_an_hour() {
    let mut standing = Standing::new(NOON);
    assert_eq!(miss(&mut standing, 1_000, NOON), [Enforcement::Warned], "however many they are");
    let hour = NOON.after(Duration::from_secs(4 + 3_600));
    assert_eq!(standing.note(Observation::Unreachable, hour.before(Duration::from_millis(1))), None);
    let limited = Enforcement::Limited { until: hour.after(DAY) };
    assert_eq!(standing.note(Observation::Unreachable, hour).unwrap().what(), limited);
}

#[test]
fn a_warning_about_numbers_that_nobody_has_is_heeded_by_writing_to_others() {
    let mut standing = Standing::new(NOON);
    assert_eq!(miss(&mut standing, 15, NOON), [Enforcement::Warned]);
    let later = NOON.after(Duration::from_secs(7_200));
    assert!(write(&mut standing, 30, later).is_empty());
    assert_eq!(miss(&mut standing, 3, later), []);
}

#[test]
fn what_a_restricted_business_tries_counts_for_nothing() {
    let mut standing = Standing::new(NOON);
    let _ = (complain(&mut standing, 0, NOON), complain(&mut standing, 50, NOON));
    assert_eq!(standing.ladder().rung(), Rung::Limited);
    let before = standing.score(NOON);
    assert_eq!(miss(&mut standing, 10_000, NOON), []);
    assert_eq!(standing.score(NOON), before);
    let over = NOON.after(DAY);
    assert_eq!(miss(&mut standing, 1, over), [Enforcement::Paused { until: over.after(DAY * 5) }]);
}

/// Of whom users complain it is not waited for.
#[test]
fn users_who_complain_lead_up_at_once_though_it_was_just_warned_for_another_reason() {
    let mut standing = Standing::new(NOON);
    assert_eq!(miss(&mut standing, 5, NOON), [Enforcement::Warned]);
    let event = complain(&mut standing, 0, NOON);
    assert!(matches!(event.what(), Enforcement::Limited { .. }), "{event:?}");
}

#[test]
fn a_user_counts_once_however_often_they_complain() {
    let mut standing = Standing::new(NOON);
    for _ in 0..1_000 {
        assert_eq!(standing.note(Observation::Blocked { user: 7, reached: NOON }, NOON), None);
        let report = Observation::Reported { user: 7, reached: NOON, reason: Reason::Scam };
        assert_eq!(standing.note(report, NOON), None);
    }
    assert_eq!(standing.signals(NOON)[0].1.bad(), 1);
}

/// It came to thousands at once, and a few of them complain in the hours after.
#[test]
fn a_complaint_is_weighed_with_those_it_was_sent_together_with() {
    let mut standing = Standing::new(NOON);
    standing.verify();
    assert!(write(&mut standing, 5_000, NOON).is_empty());
    for user in 0..15 {
        let at = NOON.after(Duration::from_secs(600 * user));
        assert_eq!(standing.note(Observation::Blocked { user, reached: NOON }, at), None);
    }
    assert_eq!(standing.score(NOON.after(DAY)), 0);
    let evidence: Vec<(Signal, Evidence)> = standing.signals(NOON.after(DAY));
    assert!(evidence.iter().all(|(signal, _)| *signal != Signal::Feedback), "{evidence:?}");
}

#[test]
fn a_standing_takes_256_bytes_when_idle_and_8_kib_at_most() {
    let mut standing = Standing::new(NOON);
    assert!(size_of::<Standing>() + standing.memory() <= 256, "{}", size_of::<Standing>());
    for user in 0..1_000 {
        let _ = standing.note(Observation::Blocked { user, reached: NOON }, NOON);
        let sent = Observation::Sent { to_new_user: true, is_template: true, neighbourhood: user };
        let _ = standing.note(sent, NOON);
    }
    let most = size_of::<Standing>() + standing.memory();
    assert!(most <= 8 << 10, "{most}");
    assert!(standing.to_bytes().len() <= 4 << 10);
    let _ = standing.sweep(NOON.after(DAY * 29));
    assert_eq!(standing.memory(), 0, "a month later");
    assert_eq!(standing.ladder().rung(), Rung::Stopped, "and nothing is forgotten");
}

#[test]
fn a_standing_survives_a_restart() {
    let mut standing = Standing::new(NOON);
    let _ = write(&mut standing, 9, NOON);
    let _ = complain(&mut standing, 0, NOON);
    let restarted = Standing::from_bytes(&standing.to_bytes()).unwrap();
    assert_eq!(restarted, standing);
    let until = |mut standing: Standing| {
        let mut taken = 0;
        while standing.admit(true, NOON).is_ok() {
            let _ = write(&mut standing, 1, NOON);
            taken += 1;
        }
        taken
    };
    assert_eq!(until(restarted), until(standing));
}

#[test]
fn nobody_outruns_the_users_who_may_complain() {
    let hour = Duration::from_secs(3600);
    for (is_verified, first) in [(false, 10), (true, 250)] {
        let mut standing = Standing::new(NOON);
        if is_verified {
            standing.verify();
        }
        let mut hours = Vec::new();
        for number in 0..10 {
            let now = NOON.after(hour * number);
            let mut taken = 0;
            while standing.admit(true, now).is_ok() {
                assert!(write(&mut standing, 1, now).is_empty());
                taken += 1;
            }
            assert_eq!(standing.admit(true, now), Err(Refused::Pace { retry_after: hour }));
            hours.push(taken);
        }
        assert_eq!(hours, [1, 1, 1, 1, 2, 2, 2, 2, 4, 4].map(|times| times * first));
    }
}
