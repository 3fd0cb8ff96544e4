//! What is encoded comes back, what is beyond a limit is refused, and no bytes panic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod allocations;
mod attachments;
mod attachments_refused;
mod checks;
mod corpus;
mod kinds;
mod limits;
mod other_parser;
mod protobuf;
mod samples;
mod unfit;
mod versions;

use bulla_base::SeededRng;
use bulla_content::{
    Body, Content, InvalidContent, MAX_EMOJI_BYTES, MAX_RECEIPT_IDS, MAX_TEXT_CHARS, Progress, Reaction,
    Receipt, RetryRequest, Text,
};
use proptest::prelude::*;

use self::samples::id;

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
    for attempt in [0, 5, u8::MAX] {
        comes_back(&Content::new(Body::RetryRequest(RetryRequest::new(id(5), attempt))));
    }
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
    // Emoji of four and of three bytes, and joiners of three, come to exactly as many.
    let longest = [["👍"; 7].join("\u{200d}"), ["❤"; 3].join("\u{200d}")].join("\u{200d}");
    assert_eq!(longest.len(), MAX_EMOJI_BYTES);
    comes_back(&Content::new(Body::Reaction(Reaction::put(id(1), longest.clone()).unwrap())));
    let longer = Reaction::put(id(1), longest + "\u{fe0f}").unwrap_err();
    assert_eq!(longer.to_string(), "emoji has 67 bytes, more than the 64 allowed");
    let ids = vec![id(1); MAX_RECEIPT_IDS];
    comes_back(&Content::new(Body::Receipt(Receipt::new(Progress::Read, ids.clone()).unwrap())));
    assert!(Receipt::new(Progress::Read, [ids, vec![id(1)]].concat()).is_err());
    assert!(Receipt::new(Progress::Read, Vec::new()).is_err());
}

#[test]
fn a_reaction_is_one_emoji_or_is_refused() {
    for text in ["x", "👍👍", "ok", "1", "👍 "] {
        let refused = Reaction::put(id(1), text).unwrap_err();
        assert_eq!(refused, InvalidContent::NotOneEmoji { field: "emoji" }, "{text}");
    }
    assert_eq!(Reaction::put(id(1), "").unwrap_err(), InvalidContent::Empty { field: "emoji" });
}

#[test]
fn a_nul_in_a_text_becomes_a_replacement_character_whoever_wrote_it() {
    let text = Text::new("a\0b\0").unwrap();
    assert_eq!(text.body(), "a\u{fffd}b\u{fffd}");
    comes_back(&Content::text(text));
    // As a device that does not do so would seal it.
    let sealed = Content::text(Text::new("a\u{1}b").unwrap()).encode(&SeededRng::new(1));
    let mut sealed = sealed.plaintext().to_vec();
    let place = sealed.windows(3).position(|bytes| bytes == b"a\x01b").unwrap();
    sealed[place + 1] = 0;
    let (content, _) = Content::decode(&sealed).unwrap();
    assert_eq!(content, Content::text(Text::new("a\u{fffd}b").unwrap()));
    assert_eq!(Text::new("\0".repeat(MAX_TEXT_CHARS)).unwrap().body().chars().count(), MAX_TEXT_CHARS);
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
fn what_prints_says_what_it_is_and_how_much() {
    let put = Reaction::put(id(1), "🤫").unwrap();
    assert_eq!(format!("{put:?}"), format!("Reaction(put on {})", id(1)));
    assert_eq!(format!("{:?}", Reaction::removed(id(1))), format!("Reaction(removed from {})", id(1)));
    let encoded = Content::text(Text::new("a secret").unwrap()).encode(&SeededRng::new(1));
    assert_eq!(format!("{encoded:?}"), format!("Encoded({} bytes)", encoded.plaintext().len()));
    let (_, opening) = Content::decode(encoded.plaintext()).unwrap();
    assert_eq!(format!("{opening:?}"), "Opening(…)");
}

#[test]
fn nothing_that_was_said_prints() {
    let text = Content::text(Text::new("a secret").unwrap());
    let reaction = Content::new(Body::Reaction(Reaction::put(id(1), "🤫").unwrap()));
    for content in [text, reaction] {
        let printed = format!("{content:?} {:?}", content.encode(&SeededRng::new(1)));
        assert!(!printed.contains("secret") && !printed.contains("🤫"), "{printed}");
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
