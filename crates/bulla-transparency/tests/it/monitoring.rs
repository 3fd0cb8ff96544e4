//! What a business sees of what is said of it.

use bulla_base::PhoneNumberId;
use bulla_transparency::{
    Head, InclusionProof, InvalidHistory, KeyStatement, Monitor, NotProven, Sighting, check_key_history,
};

use crate::test_log::{TestLog, key, statement};

const OURS: PhoneNumberId = PhoneNumberId::new(7);

/// Three statements of ours among those of others, and where they stand.
fn log() -> (TestLog, Vec<(KeyStatement, u64)>) {
    let (mut log, mut ours) = (TestLog::default(), Vec::new());
    let mut latest = statement(7, 0);
    for number in 0..20 {
        if number % 6 == 4 {
            latest = if ours.is_empty() { latest } else { latest.next(key(number)).unwrap() };
            ours.push((latest, log.range.size()));
            log.append(&latest.to_bytes());
        } else {
            log.append(&statement(100 + u64::from(number), number).to_bytes());
        }
    }
    assert_eq!(ours.len(), 3);
    (log, ours)
}

fn proven(log: &TestLog, statements: &[(KeyStatement, u64)]) -> Vec<(KeyStatement, InclusionProof)> {
    statements.iter().map(|(statement, at)| (*statement, log.inclusion(*at, log.range.size()))).collect()
}

#[test]
fn the_whole_sequence_of_a_business_is_checked() {
    let (log, ours) = log();
    let (head, all) = (log.range.head(), proven(&log, &ours));
    assert_eq!(check_key_history(OURS, &all, &head), Ok(()));
    assert_eq!(check_key_history(OURS, &all[..2], &head), Ok(()));
    let check = |order: &[usize]| {
        let some: Vec<_> = order.iter().map(|at| all[*at].clone()).collect();
        check_key_history(OURS, &some, &head)
    };
    assert_eq!(check(&[]), Err(InvalidHistory::Empty));
    assert_eq!(check(&[1, 2]), Err(InvalidHistory::OutOfSequence { at: 0 }));
    assert_eq!(check(&[0, 2]), Err(InvalidHistory::OutOfSequence { at: 1 }));
    assert_eq!(check(&[0, 0]), Err(InvalidHistory::OutOfSequence { at: 1 }));
    let other = check_key_history(PhoneNumberId::new(8), &all, &head);
    assert_eq!(other, Err(InvalidHistory::OtherBusiness { at: 0 }));
    let earlier = log.head(19);
    let source = NotProven::OtherSize { proof: 20, head: 19 };
    assert_eq!(check_key_history(OURS, &all, &earlier), Err(InvalidHistory::NotIncluded { at: 0, source }));
    // A proof of another place.
    let mut swapped = all.clone();
    swapped[1].1 = all[2].1.clone();
    let source = NotProven::OtherRoot;
    assert_eq!(check_key_history(OURS, &swapped, &head), Err(InvalidHistory::NotIncluded { at: 1, source }));
    // One that says that its leaf stands in front.
    swapped[1].1 = all[0].1.clone();
    assert_eq!(check_key_history(OURS, &swapped, &head), Err(InvalidHistory::OutOfOrder { at: 1 }));
}

#[test]
fn a_monitor_sees_each_statement_of_those_it_watches_and_comes_to_the_head() {
    let (log, ours) = log();
    let other = PhoneNumberId::new(103);
    let mut monitor = Monitor::new([OURS, other]);
    let mut seen = Vec::new();
    for (at, leaf) in (0..).zip(&log.leaves) {
        match monitor.read(leaf).unwrap() {
            Sighting::Stated(statement) => seen.push((statement, at)),
            sighting => assert_eq!(sighting, Sighting::NotWatched),
        }
        assert_eq!(monitor.head(), log.head(at + 1));
    }
    assert!(ours.iter().all(|statement| seen.contains(statement)) && seen.len() == 4);
    let latest: Vec<_> = monitor.latest().map(|(business, latest)| (business, latest.copied())).collect();
    assert_eq!(latest[0], (OURS, Some(ours[2].0)));

    let resumed = Monitor::resume(monitor.range().clone(), latest);
    assert_eq!(resumed, monitor);
}

/// A log that shows a user another key than the business's has to have it in the log, and the business that
/// asks for its own statements is not told.
#[test]
fn a_second_sequence_behind_the_businesss_back_is_seen_by_a_monitor_alone() {
    let (mut log, mut ours) = log();
    let foreign = statement(7, 0xbb);
    log.append(&foreign.to_bytes());
    let next = ours[2].0.next(key(9)).unwrap();
    ours.push((next, log.range.size()));
    log.append(&next.to_bytes());
    let head: Head = log.range.head();

    assert_eq!(log.inclusion(20, 22).verify(&foreign.leaf_hash(), &head), Ok(()), "as a user is shown it");
    assert_eq!(check_key_history(OURS, &proven(&log, &ours), &head), Ok(()), "the business is not told");
    let mut monitor = Monitor::new([OURS]);
    let sightings: Vec<_> = log.leaves.iter().map(|leaf| monitor.read(leaf).unwrap()).collect();
    assert_eq!(sightings[20], Sighting::OutOfSequence(foreign));
    assert_eq!(sightings[21], Sighting::Stated(next), "and its own go on");
    assert_eq!(monitor.head(), head);
}

#[test]
fn what_is_no_statement_is_told() {
    let mut monitor = Monitor::new([OURS]);
    let mut later_form = statement(7, 1).to_bytes();
    later_form[0] = 2;
    for leaf in [&b""[..], &later_form, &[0; 1000]] {
        assert_eq!(monitor.read(leaf), Ok(Sighting::Unreadable));
    }
    assert_eq!(monitor.head().size(), 3);
}
