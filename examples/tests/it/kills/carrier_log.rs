use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde_json::Value;

/// What the log of the carrier came to.
#[derive(Debug)]
pub struct Log {
    envelopes: usize,
    again: usize,
    cut_off: usize,
}

/// Checks that no place of a ratchet, and no id, was ever used for two different ciphertexts.
pub fn check(path: &Path, kills: u64) -> Log {
    let (mut by_step, mut by_id) = (BTreeMap::new(), BTreeMap::new());
    let (mut lines, mut cut_off) = (0, 0);
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else {
            cut_off += 1;
            continue;
        };
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        lines += 1;
        let step = (text("from"), text("ratchet_key"), line["counter"].as_u64().unwrap());
        let (id, sealed) = (text("id"), text("sha256"));
        let first = by_step.entry(step.clone()).or_insert_with(|| sealed.clone());
        assert_eq!(*first, sealed, "the step {step:?} was used for two ciphertexts");
        let first = by_id.entry(id.clone()).or_insert_with(|| sealed.clone());
        assert_eq!(*first, sealed, "the id {id} stands on two ciphertexts");
    }
    assert_eq!(by_step.len(), by_id.len());
    assert!(cut_off as u64 <= kills, "{cut_off} lines of the log cannot be read");
    Log { envelopes: by_id.len(), again: lines - by_id.len(), cut_off }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { envelopes, again, cut_off } = self;
        write!(
            f,
            "carrier: {envelopes} envelopes, each step of a ratchet once; {again} handed over again, {cut_off} lines cut off"
        )
    }
}
