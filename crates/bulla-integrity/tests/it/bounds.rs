//! Every bound at its edge and one past it.

use allocation_counter::measure;
use bulla_integrity::{
    MAX_NOTE_BYTES, MAX_REPORT_BYTES, MAX_REPORTED_BYTES, MAX_REPORTED_MESSAGES, Reason, Report,
    ReportedMessage,
};

use crate::test_carrier::{NOON, Sent, keys};

fn messages(count: usize) -> Vec<ReportedMessage> {
    let keys = keys(NOON);
    // All of one business.
    (0..count as u64).map(|number| Sent::new(number * 7, &keys, NOON).message()).collect()
}

fn of_bytes(sent: &Sent, bytes: usize) -> Result<ReportedMessage, bulla_integrity::InvalidForm> {
    let Sent { id, from, kind, category, stamp, .. } = sent.clone();
    ReportedMessage::new(id, from, kind, category, stamp, vec![7; bytes].into())
}

#[test]
fn five_messages_are_a_report_and_six_or_none_are_not() {
    let five = Report::new(Reason::Other, messages(MAX_REPORTED_MESSAGES)).unwrap();
    assert_eq!(Report::from_bytes(&five.to_bytes()).unwrap(), five);
    assert!(Report::new(Reason::Other, messages(MAX_REPORTED_MESSAGES + 1)).is_err());
    assert!(Report::new(Reason::Other, Vec::new()).is_err());
}

#[test]
fn the_messages_of_a_report_are_different_ones_of_one_party() {
    let keys = keys(NOON);
    let of = |numbers: [u64; 2]| {
        Report::new(Reason::Spam, numbers.map(|number| Sent::new(number, &keys, NOON).message()).to_vec())
    };
    assert!(of([1, 8]).is_ok());
    assert_eq!(of([1, 2]).unwrap_err().to_string(), "report: expected messages of one party");
    assert_eq!(of([1, 1]).unwrap_err().to_string(), "report: expected each message once");
}

#[test]
fn a_message_is_reported_up_to_its_largest_and_not_a_byte_more() {
    let sent = Sent::new(1, &keys(NOON), NOON);
    assert!(of_bytes(&sent, MAX_REPORTED_BYTES).is_ok() && of_bytes(&sent, 32).is_ok());
    let refused = of_bytes(&sent, MAX_REPORTED_BYTES + 1).unwrap_err();
    assert_eq!(refused.to_string(), "message (bytes) of 98305 is more than the 98304 allowed");
    assert_eq!(of_bytes(&sent, 31).unwrap_err().to_string(), "message: expected the key that opens it");
}

#[test]
fn a_note_has_as_many_bytes_as_it_may_and_not_one_more() {
    let report = Report::new(Reason::Spam, messages(1)).unwrap();
    let note = "n".repeat(MAX_NOTE_BYTES);
    let noted = report.clone().and_block().with_note(&note).unwrap();
    let read = Report::from_bytes(&noted.to_bytes()).unwrap();
    assert_eq!((read.note(), read.blocks(), read.reason()), (note.as_str(), true, Reason::Spam));
    assert!(report.with_note(&(note + "n")).is_err());
}

#[test]
fn the_largest_report_is_within_the_bound_and_a_larger_one_is_refused_unread() {
    let sent: Vec<_> = (0..5).map(|number| Sent::new(number * 7, &keys(NOON), NOON)).collect();
    let messages = sent.iter().map(|sent| of_bytes(sent, MAX_REPORTED_BYTES).unwrap()).collect();
    let report = Report::new(Reason::Spam, messages).unwrap().with_note(&"n".repeat(MAX_NOTE_BYTES)).unwrap();
    let bytes = report.to_bytes();
    // Of a business's address, which is shorter than a user's by up to seven bytes.
    assert!(bytes.len() <= MAX_REPORT_BYTES && bytes.len() + 5 * 7 >= MAX_REPORT_BYTES, "{}", bytes.len());
    assert_eq!(Report::from_bytes(&bytes).unwrap(), report);
    let measured = measure(|| assert!(Report::from_bytes(&vec![1; MAX_REPORT_BYTES + 1]).is_err()));
    assert!(measured.count_total <= 1, "but for what is handed in: {measured:?}");
}

/// What a stranger can make somebody allocate is bounded by what he sends.
#[test]
fn what_is_refused_takes_little_more_than_its_bytes() {
    let report = Report::new(Reason::Spam, messages(5)).unwrap().to_bytes();
    for place in 0..report.len() {
        let mut hostile = report.to_vec();
        hostile[place] = 0xff;
        let measured = measure(|| drop(Report::from_bytes(&hostile)));
        assert!(measured.bytes_max <= 3 * hostile.len() as u64, "{place}: {measured:?}");
    }
}
