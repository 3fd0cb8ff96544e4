use bulla_envelope::{Envelope, MAX_SEALED_BYTES};
use bytes::Bytes;

/// What stands beside the ciphertext takes so much at most.
const MAX_OUTSIDE_BYTES: usize = 256;

/// The outside of a message, as a carrier or a device gets it from a stranger.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(envelope) = Envelope::from_bytes(Bytes::copy_from_slice(bytes)) else { return };
    assert!(
        bytes.len() <= MAX_SEALED_BYTES + MAX_OUTSIDE_BYTES && envelope.sealed().len() <= MAX_SEALED_BYTES
    );
    comes_back(&envelope);
    shows_no_number(&envelope);
}

/// What was read is written, and read as the same; what is written is the only way to write it.
fn comes_back(envelope: &Envelope) {
    let bytes = envelope.to_bytes();
    let again = Envelope::from_bytes(bytes.clone()).unwrap();
    assert_eq!(&again, envelope);
    assert_eq!(again.to_bytes(), bytes);
    let made = Envelope::new(
        envelope.id(),
        envelope.from().clone(),
        envelope.to().clone(),
        envelope.kind(),
        *envelope.franking(),
        envelope.form(),
        envelope.sealed().clone(),
    );
    let made = match (made.unwrap(), envelope.installation()) {
        (made, Some(installation)) => made.sealed_for(installation),
        (made, None) => made,
    };
    assert_eq!(&made.sent_again(envelope.attempt()).unwrap(), envelope);
}

fn shows_no_number(envelope: &Envelope) {
    let text = format!("{envelope:?}");
    assert!(text.len() < 2 * MAX_OUTSIDE_BYTES, "{} bytes", text.len());
}
