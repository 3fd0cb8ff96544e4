//! What the official library produced or judged.
//!
//! `SIGNAL_VECTORS` names another file of the same shape, perhaps with more cases; without it the crate's own
//! is read. What belongs to other parts of the protocol is named in the output. What two devices agree on,
//! which does not show from outside, is checked against the same file by `session::known_answers` in the
//! crate; dialogues are played again by `session::recorded_dialogues`.

mod bytes;
mod keys;
mod official_verdicts;
mod sessions;

use serde_json::{Value, json};

use self::bytes::array;
use self::official_verdicts::Verdicts;

/// Where the vectors are.
const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/libsignal-client-0.103.0/vectors.json");

/// What of the file is not checked, and what it waits for.
const NOT_CHECKED: [(&str, &str); 4] = [
    ("meta", "tells where the file is from"),
    ("erasure", "is checked by bulla-spqr"),
    ("sealed_sender", "is not part of this crate"),
    ("sender_key", "is not part of this crate"),
];

#[test]
fn everything_the_official_library_says_is_so() {
    let path = std::env::var("SIGNAL_VECTORS").unwrap_or_else(|_| OWN.to_owned());
    check(&read(&path));
}

/// Our own file has both: what is opened, and what we refuse though the official library does not.
#[test]
fn every_kind_of_verdict_is_among_our_own() {
    let Verdicts { opened, refused, stricter } = official_verdicts::verdicts(&read(OWN)["verdicts"]);
    assert!(
        opened > 0 && refused > 0 && stricter >= 2,
        "{opened} opened, {refused} refused, {stricter} stricter"
    );
}

/// A file without the cases of which we think otherwise was once refused for having too few of them.
#[test]
fn a_file_may_have_any_number_of_each_kind_of_verdict() {
    let verdicts = official_verdicts::without_stricter(&read(OWN)["verdicts"]);
    let found = official_verdicts::verdicts(&verdicts);
    assert!(found.stricter == 0 && found.opened > 0, "{found:?}");
    check(&json!({ "verdicts": verdicts }));
    let mut none = verdicts;
    none["cases"] = json!([]);
    check(&json!({ "verdicts": none }));
}

/// Wrong verdicts are found: else any file would do.
#[test]
#[should_panic(expected = "assertion")]
fn a_file_that_judges_otherwise_is_not_taken() {
    let mut verdicts = official_verdicts::without_stricter(&read(OWN)["verdicts"]);
    let cases = verdicts["cases"].as_array_mut().unwrap();
    cases.iter_mut().for_each(|case| case["accepted"] = json!(case["accepted"] != true));
    check(&json!({ "verdicts": verdicts }));
}

fn read(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn check(vectors: &Value) {
    for (section, cases) in vectors.as_object().unwrap() {
        let checked = match section.as_str() {
            "xeddsa" => each(cases, keys::xeddsa),
            "agreement" => each(cases, keys::agreement),
            "private_key_import" => each(cases, keys::private_key_import),
            "identity" => once(cases, keys::identity),
            "records" => once(cases, keys::records),
            "fingerprints" => each(cases, keys::fingerprint),
            "one_sided_sessions" => each(cases, sessions::one_sided),
            "two_sided" => each(cases, sessions::two_sided),
            "verdicts" => {
                let found = official_verdicts::verdicts(cases);
                let checked = found.opened + found.refused + found.stricter;
                assert_eq!(checked, array(cases, "cases").len());
                format!("{checked} checked: {found:?}")
            }
            other => {
                let reason = NOT_CHECKED.iter().find(|(name, _)| *name == other);
                let (_, reason) = reason.unwrap_or_else(|| panic!("nothing is known of section {other}"));
                format!("not checked: {reason}")
            }
        };
        println!("{section}: {checked}");
    }
    for (name, reason) in NOT_CHECKED.iter().filter(|(name, _)| vectors.get(name).is_none()) {
        println!("{name}: not checked: {reason}");
    }
}

fn each(cases: &Value, check: impl Fn(&Value)) -> String {
    let cases = cases.as_array().unwrap();
    assert!(!cases.is_empty());
    cases.iter().for_each(check);
    format!("{} checked", cases.len())
}

fn once(case: &Value, check: impl Fn(&Value)) -> String {
    check(case);
    "1 checked".to_owned()
}
