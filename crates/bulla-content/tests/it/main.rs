//! What is encoded comes back, what is beyond a limit is refused, and no bytes panic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

use bulla_base::{MessageId, SeededRng, Timestamp};
use bulla_content::{
    Body, Content, InvalidContent, MAX_EMOJI_BYTES, MAX_RECEIPT_IDS, MAX_TEXT_CHARS, Progress, Reaction,
    Receipt, Text,
};
use proptest::prelude::*;

fn id(seed: u64) -> MessageId {
    MessageId::new(Timestamp::from_millis(seed), &SeededRng::new(seed))
}

fn comes_back(content: &Content) {
    let encoded = content.encode(&SeededRng::new(1));
    let (decoded, opening) = Content::decode(encoded.plaintext()).unwrap();
    assert_eq!(&decoded, content);
    assert!(opening.verify(encoded.plaintext(), &encoded.tag()).is_ok());
}

#[test]
fn every_kind_of_content_comes_back() {
    comes_back(&Content::text(Text::new("مرحبا 👋").unwrap().with_preview_url(true)).replying_to(id(1)));
    comes_back(&Content::new(Body::Reaction(Reaction::put(id(2), "👍🏽").unwrap())));
    comes_back(&Content::new(Body::Reaction(Reaction::removed(id(2)))));
    for progress in [Progress::Delivered, Progress::Read] {
        comes_back(&Content::new(Body::Receipt(Receipt::new(progress, vec![id(3), id(4)]).unwrap())));
    }
    comes_back(&Content::new(Body::RetryRequest(id(5))));
}

#[test]
fn the_longest_text_comes_back_and_one_character_more_is_refused() {
    comes_back(&Content::text(Text::new("👋".repeat(MAX_TEXT_CHARS)).unwrap()));
    let too_long = Text::new("👋".repeat(MAX_TEXT_CHARS + 1)).unwrap_err();
    assert_eq!(too_long.to_string(), "text has 4097 characters, more than the 4096 allowed");
    assert_eq!(Text::new("").unwrap_err(), InvalidContent::Empty { field: "text" });
}

#[test]
fn the_longest_reaction_and_receipt_come_back_and_one_more_is_refused() {
    comes_back(&Content::new(Body::Reaction(Reaction::put(id(1), "x".repeat(MAX_EMOJI_BYTES)).unwrap())));
    assert!(Reaction::put(id(1), "x".repeat(MAX_EMOJI_BYTES + 1)).is_err());
    let ids = vec![id(1); MAX_RECEIPT_IDS];
    comes_back(&Content::new(Body::Receipt(Receipt::new(Progress::Read, ids.clone()).unwrap())));
    assert!(Receipt::new(Progress::Read, [ids, vec![id(1)]].concat()).is_err());
    assert!(Receipt::new(Progress::Read, Vec::new()).is_err());
}

#[test]
fn texts_of_like_length_have_one_size() {
    let size =
        |text: &str| Content::text(Text::new(text).unwrap()).encode(&SeededRng::new(1)).plaintext().len();
    assert_eq!(size("yes"), size("no, and here is a whole sentence to say why"));
}

#[test]
fn a_tag_commits_to_every_byte() {
    let encoded = Content::text(Text::new("hello").unwrap()).encode(&SeededRng::new(1));
    let (_, opening) = Content::decode(encoded.plaintext()).unwrap();
    for place in 0..encoded.plaintext().len() {
        let mut changed = encoded.plaintext().to_vec();
        changed[place] ^= 1;
        assert!(opening.verify(&changed, &encoded.tag()).is_err(), "{place}");
    }
}

#[test]
fn nothing_that_was_said_prints() {
    let text = Content::text(Text::new("a secret").unwrap());
    let reaction = Content::new(Body::Reaction(Reaction::put(id(1), "secret").unwrap()));
    for content in [text, reaction] {
        let printed = format!("{content:?} {:?}", content.encode(&SeededRng::new(1)));
        assert!(!printed.contains("secret"), "{printed}");
    }
}

proptest! {
    #[test]
    fn any_text_comes_back(body in "\\PC{1,300}") {
        comes_back(&Content::text(Text::new(body).unwrap()));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Content::decode(&bytes);
    }

    #[test]
    fn a_changed_content_is_refused_or_says_something_within_limits(place in 0usize..256, value: u8) {
        let mut bytes = Content::text(Text::new("hello").unwrap()).encode(&SeededRng::new(1)).plaintext().to_vec();
        bytes[place] = value;
        if let Ok((content, _)) = Content::decode(&bytes) {
            comes_back(&content);
        }
    }
}
