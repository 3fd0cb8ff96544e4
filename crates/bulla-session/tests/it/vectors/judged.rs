//! First messages that the official library accepted or refused.

use bulla_session::error::{KeyError, MessageError};
use bulla_session::message::PreKeySignalMessage;
use bulla_session::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;

use super::bytes::{array, bytes};
use super::sessions::{Owner, addresses};

/// How many cases were checked.
pub(crate) fn verdicts(section: &Value) -> usize {
    let owner = Owner::read(&section["bob"]);
    let addresses = addresses(&section["bob"], &section["alice"]);
    let (mut opened, mut up_to_ratchet, mut refused) = (0, 0, 0);
    let cases = array(section, "cases");
    for case in cases {
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
        let note = &case["note"];
        // Whatever takes no part in the post-quantum ratchet we open for now, and the official library no more.
        // Of those its authors sealed without the ratchet's key, the MAC and the plaintext are for us to check.
        if PreKeySignalMessage::parse(&wire)
            .is_ok_and(|view| view.message().post_quantum().is_none_or(<[u8]>::is_empty))
        {
            assert_eq!(case["accepted"], false, "{note}");
            let must_open = note.as_str().is_some_and(|note| note.ends_with("no PQ key"));
            match outcome {
                Ok(heard) => {
                    assert_eq!(heard.plaintext, b"altered", "{note}");
                    opened += 1;
                }
                Err(failed) => {
                    assert!(!must_open, "{note}: {failed}");
                    refused += 1;
                }
            }
            continue;
        }
        let (sessions, error) = outcome.unwrap_err().into_parts();
        assert!(sessions.is_empty());
        if case["accepted"] == true {
            assert_eq!(error, OpenError::PostQuantumRatchet, "{note}");
            up_to_ratchet += 1;
        } else {
            let (official, detail) = (case["error"].as_str(), case["detail"].as_str());
            assert!(agrees(&error, official.unwrap(), detail.unwrap_or_default()), "{note}: {error:?}");
            if error == OpenError::PostQuantumRatchet { up_to_ratchet += 1 } else { refused += 1 }
        }
    }
    println!(
        "verdicts: {refused} refused for the official reason, {opened} opened without the post-quantum ratchet, \
         {up_to_ratchet} followed up to it"
    );
    cases.len()
}

/// Whether our reason to refuse is the official one. Any will do for a reason not seen so far.
fn agrees(error: &OpenError, official: &str, detail: &str) -> bool {
    let has = |text: &str| official.contains(text) || detail.contains(text);
    match error {
        // Decided in the ratchet or after it: whether we agree has to wait.
        OpenError::PostQuantumRatchet => {
            has("ratchet error") || has("MAC verification") || has("failed to decrypt")
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
