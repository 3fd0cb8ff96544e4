//! First messages that the official library accepted or refused.

use bulla_session::error::{KeyError, MessageError};
use bulla_session::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;

use super::bytes::{array, bytes};
use super::sessions::{Owner, addresses};

/// What the official library accepts and we do not, because no honest peer sends it; the README says so too.
const STRICTER: [(&str, OpenError); 2] =
    [("SPQR: version ", OpenError::PostQuantumRatchet), ("SPQR: index 0", OpenError::Undecipherable)];

/// What became of the cases. How many there are of each kind is up to the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdicts {
    pub(crate) opened: usize,
    /// Refused for the official reason.
    pub(crate) refused: usize,
    /// Refused, though the official library opens them.
    pub(crate) stricter: usize,
}

pub(crate) fn verdicts(section: &Value) -> Verdicts {
    let owner = Owner::read(&section["bob"]);
    let addresses = addresses(&section["bob"], &section["alice"]);
    let mut found = Verdicts::default();
    for case in array(section, "cases") {
        let wire = bytes(case, "bytes");
        let message = CiphertextRef::new(MessageKind::PreKey, &wire);
        let mut rng = ChaCha20Rng::from_seed([9; 32]);
        let outcome = Sessions::new().open(
            &owner.party,
            message,
            addresses.as_ref(),
            Trust::Anyone,
            &owner.prekeys,
            &mut rng,
        );
        let note = case["note"].as_str().unwrap();
        let mut strict =
            STRICTER.iter().filter(|(start, _)| case["accepted"] == true && note.starts_with(start));
        match outcome {
            Ok(heard) => {
                assert_eq!(case["accepted"], true, "{note}");
                assert_eq!(heard.plaintext, bytes(case, "plaintext"), "{note}");
                assert!(strict.next().is_none(), "{note}");
                found.opened += 1;
            }
            Err(failed) => {
                let (sessions, error) = failed.into_parts();
                assert!(sessions.is_empty());
                if let Some((_, ours)) = strict.next() {
                    assert_eq!(error, *ours, "{note}");
                    found.stricter += 1;
                    continue;
                }
                assert_eq!(case["accepted"], false, "{note}: {error}");
                let (official, detail) = (case["error"].as_str(), case["detail"].as_str());
                assert!(agrees(&error, official.unwrap(), detail.unwrap_or_default()), "{note}: {error:?}");
                found.refused += 1;
            }
        }
    }
    found
}

/// The cases of `section` without those that we judge more strictly.
pub(crate) fn without_stricter(section: &Value) -> Value {
    let mut section = section.clone();
    let cases = section["cases"].as_array_mut().unwrap();
    cases.retain(|case| !STRICTER.iter().any(|(start, _)| case["note"].as_str().unwrap().starts_with(start)));
    section
}

/// Whether our reason to refuse is the official one. Any will do for a reason not seen so far.
fn agrees(error: &OpenError, official: &str, detail: &str) -> bool {
    let has = |text: &str| official.contains(text) || detail.contains(text);
    match error {
        // A version that the official library reads as 1 fails there a little later, by its MAC.
        OpenError::PostQuantumRatchet => has("ratchet error") || has("MAC verification"),
        _ if has("ratchet error") || has("MAC verification") || has("failed to decrypt") => {
            *error == OpenError::Undecipherable
        }
        _ if has("X3DH") || has("version <3>") => {
            is_malformed(error, |e| *e == MessageError::TooOld { found: 3 })
        }
        _ if has("too old") => is_malformed(error, |e| matches!(e, MessageError::TooOld { .. })),
        _ if has("unrecognized") => is_malformed(error, |e| matches!(e, MessageError::Unknown { .. })),
        _ if has("protobuf") || has("yber pre key must") || has("kyber pre_key_id") => {
            is_malformed(error, |e| {
                matches!(e, MessageError::Protobuf(_) | MessageError::Missing { .. } | MessageError::Key(_))
            })
        }
        _ if has("Address mismatch") => *error == OpenError::Undecipherable,
        _ if has("future message limit") => matches!(error, OpenError::TooFarAhead { .. }),
        _ if has("base key is invalid") => is_malformed(error, |e| *e == MessageError::BaseKey),
        _ if has("bad KEM") || has("bad key") => is_malformed(error, |e| {
            matches!(e, MessageError::Key(KeyError::Type { .. } | KeyError::Length { .. }))
        }),
        _ if has("loadSignedPreKey") => {
            matches!(error, OpenError::MissingPreKey(MissingPreKey::Signed(_)))
        }
        _ if has("loadKyberPreKey") => matches!(error, OpenError::MissingPreKey(MissingPreKey::Kyber(_))),
        _ if has("loadPreKey") => matches!(error, OpenError::MissingPreKey(MissingPreKey::OneTime(_))),
        _ if has("too short") => is_malformed(error, |e| matches!(e, MessageError::TooShort { .. })),
        _ => true,
    }
}

fn is_malformed(error: &OpenError, which: impl Fn(&MessageError) -> bool) -> bool {
    matches!(error, OpenError::Malformed(error) if which(error))
}
