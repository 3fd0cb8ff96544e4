use bulla_base::SeededRng;
use bulla_content::{
    Body, Content, MAX_EMOJI_BYTES, MAX_PLAINTEXT_BYTES, MAX_RECEIPT_IDS, MAX_TEXT_CHARS, Opening,
    PADDING_STEP,
};

/// Opening key, protobuf and padding, as they stand inside a sealed envelope; and the protobuf alone, so that
/// what is tried is not stopped at the padding each time.
pub(crate) fn check(bytes: &[u8]) {
    decode(bytes);
    let mut padded = [&[0; 32][..], bytes, &[0x80]].concat();
    padded.resize(padded.len().next_multiple_of(PADDING_STEP), 0);
    decode(&padded);
}

fn decode(bytes: &[u8]) {
    let Ok((content, opening)) = Content::decode(bytes) else { return };
    assert!(bytes.len() <= MAX_PLAINTEXT_BYTES && bytes.len().is_multiple_of(PADDING_STEP));
    within_limits(&content);
    comes_back(&content);
    commits(&opening, bytes);
}

fn within_limits(content: &Content) {
    match content.body() {
        Body::Text(text) => {
            assert!((1..=MAX_TEXT_CHARS).contains(&text.body().chars().count()));
            assert!(!text.body().contains('\0'));
        }
        Body::Reaction(reaction) => {
            assert!(reaction.emoji().is_none_or(|emoji| (1..=MAX_EMOJI_BYTES).contains(&emoji.len())));
        }
        Body::Receipt(receipt) => assert!((1..=MAX_RECEIPT_IDS).contains(&receipt.messages().len())),
        _ => {}
    }
}

/// What was read is written, and read as the same.
fn comes_back(content: &Content) {
    let encoded = content.encode(&SeededRng::new(1));
    let (again, opening) = Content::decode(encoded.plaintext()).unwrap();
    assert_eq!(&again, content);
    assert!(opening.verify(encoded.plaintext(), &encoded.tag()).is_ok());
}

/// Nobody finds bytes that are read as something else under the same tag.
fn commits(opening: &Opening, bytes: &[u8]) {
    let tag = opening.tag(bytes);
    assert!(opening.verify(bytes, &tag).is_ok());
    let mut changed = bytes.to_vec();
    if let Some(last) = changed.last_mut() {
        *last ^= 1;
    }
    assert!(opening.verify(&changed, &tag).is_err());
}
