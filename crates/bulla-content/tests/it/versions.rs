//! An older version reads what a newer one writes, and a newer one what an older one did.

use bulla_base::SeededRng;
use bulla_content::limits::MAX_BODY_BYTES;
use bulla_content::*;

use crate::comes_back;
use crate::protobuf::{bytes, decode, number};
use crate::samples::{bodies, id};

/// A content of a kind that nobody knows yet.
fn of_newer_kind(kind: u32) -> Vec<u8> {
    [bytes(1, id(1).as_bytes()), bytes(6, b"Vote: red or blue?"), bytes(kind, b"a poll"), bytes(200, b"more")]
        .concat()
}

#[test]
fn a_newer_kind_shows_its_fallback_text_and_is_kept_as_it_came() {
    for kind in [31, 95] {
        let content = decode(&of_newer_kind(kind)).unwrap();
        let Body::Unsupported(other) = content.body() else { panic!("{content:?}") };
        assert_eq!((other.number(), other.is_message(), content.body().is_message()), (kind, true, true));
        assert_eq!(content.fallback(), Some("Vote: red or blue?"));
        assert_eq!(content.in_reply_to(), Some(id(1)));
        assert_eq!(
            format!("{content:?}"),
            format!(
                "Content {{ body: Unsupported(Unsupported(kind {kind}, 6 bytes)), in_reply_to: Some({:?}), \
                 fallback_bytes: 18 }}",
                id(1)
            )
        );
        // Whoever passes it on loses nothing of it.
        comes_back(&content);
        let encoded = content.encode(&SeededRng::new(1));
        let kept = bytes(kind, b"a poll");
        assert!(encoded.plaintext().windows(kept.len()).any(|window| window == kept));
    }
    // Without a fallback text it is there all the same.
    let content = decode(&bytes(31, b"")).unwrap();
    assert_eq!((content.body().name(), content.fallback()), ("unsupported", None));
    comes_back(&content);
}

#[test]
fn a_newer_signal_is_no_message() {
    for kind in [97, 127] {
        assert!(!decode(&bytes(kind, b"x")).unwrap().body().is_message());
    }
}

#[test]
fn something_newer_within_a_known_kind_is_unsupported_as_a_whole_and_kept() {
    let header = bytes(1, &bytes(1, &bytes(1, b"Hello")));
    let body = bytes(2, b"Choose");
    let newer = [
        // An action, a header and a mode of a flow that this version does not know.
        bytes(23, &[header.clone(), body.clone(), bytes(4, &bytes(14, b"new"))].concat()),
        bytes(23, &[bytes(1, &bytes(9, b"new")), body.clone(), bytes(4, &bytes(4, b""))].concat()),
        bytes(
            23,
            &[body, bytes(4, &bytes(5, &[bytes(1, b"1"), bytes(2, b"Go"), number(3, 9)].concat()))].concat(),
        ),
        // What else was tapped, another event, and a progress.
        bytes(24, &bytes(9, b"new")),
        bytes(28, &[number(1, 9), bytes(2, b"Something")].concat()),
        bytes(4, &[number(1, 9), bytes(2, id(1).as_bytes())].concat()),
    ];
    for message in newer {
        let content = decode(&[message.clone(), bytes(6, b"See your phone")].concat()).unwrap();
        let Body::Unsupported(other) = content.body() else { panic!("{content:?}") };
        assert_eq!((content.fallback(), other.is_message()), (Some("See your phone"), other.number() != 4));
        comes_back(&content);
    }
}

#[test]
fn fields_that_are_not_known_are_passed_over_wherever_they_stand() {
    let text = bytes(2, &[bytes(1, b"hello"), bytes(99, b"more"), number(98, 7)].concat());
    let around = [number(7, 9), number(8, 9), bytes(160, &[0; 40])].concat();
    let newer = [text, around, bytes(150, b"x"), number(151, 1)].concat();
    // Authors and ways of passing on that are not known are not told of either.
    assert_eq!(decode(&newer).unwrap(), Content::text(Text::new("hello").unwrap()));
    let image = [
        bytes(1, b"somewhere"),
        bytes(2, &[7; 32]),
        bytes(3, &[9; 32]),
        number(4, 1),
        bytes(5, b"image/png"),
    ];
    let image = bytes(1, &[image.concat(), bytes(7, b"thumbnail")].concat());
    let content = decode(&bytes(16, &[image, bytes(9, b"more")].concat())).unwrap();
    assert!(matches!(content.body(), Body::Image(image) if image.attachment().locator() == "somewhere"));
}

#[test]
fn what_an_older_version_wrote_says_the_same() {
    let older = [
        ("text", Body::Text(Text::new("hello 👋").unwrap())),
        ("reaction_removed", Body::Reaction(Reaction::removed(older_id()))),
        ("reaction", Body::Reaction(Reaction::put(older_id(), "👍🏽").unwrap())),
        ("receipt_delivered", Body::Receipt(Receipt::new(Progress::Delivered, vec![older_id(); 2]).unwrap())),
        ("receipt_read_of_256", Body::Receipt(Receipt::new(Progress::Read, vec![older_id(); 256]).unwrap())),
        ("retry_request", Body::RetryRequest(RetryRequest::new(older_id(), 2))),
    ];
    for (file, body) in older {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/corpus/content/");
        let written = std::fs::read(format!("{folder}{file}")).unwrap();
        let content = Content::new(body);
        assert_eq!(decode(&written).as_ref(), Ok(&content), "{file}");
        // And it is written as it was, to the byte.
        let encoded = content.encode(&SeededRng::new(1));
        assert_eq!(&encoded.plaintext()[32..32 + written.len()], &written[..], "{file}");
        assert_eq!(encoded.plaintext()[32 + written.len()], 0x80, "{file}");
    }
}

/// The message that the contents of older versions are about.
fn older_id() -> bulla_base::MessageId {
    let bytes = [0x01, 0x9a, 0x5c, 0x3e, 0x8f, 0x70, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1];
    bulla_base::MessageId::from_bytes(&bytes).unwrap()
}

#[test]
fn two_kinds_one_kind_twice_and_none_are_malformed() {
    let (text, other) = (bytes(2, &bytes(1, b"a")), bytes(31, b"a poll"));
    for bad in [
        [text.clone(), text.clone()].concat(),
        [text.clone(), other.clone()].concat(),
        [other.clone(), other.clone()].concat(),
        [other, bytes(96, b"")].concat(),
        bytes(6, b"only a fallback"),
        Vec::new(),
        // Kinds are messages.
        number(31, 1),
        number(2, 1),
    ] {
        assert_eq!(decode(&bad), Err(InvalidContent::Malformed), "{bad:?}");
    }
}

/// A content of a newer kind, kept whole, would have been too long to be read once it was written again.
#[test]
fn a_newer_kind_is_no_longer_than_any_may_be() {
    let around = || [bytes(1, id(1).as_bytes()), bytes(6, &[0; 1024])].concat();
    let at = decode(&[around(), bytes(31, &vec![1; MAX_BODY_BYTES])].concat()).unwrap();
    assert_eq!(at.fallback().map(str::len), Some(3 * 1024));
    comes_back(&at);
    let past = decode(&[around(), bytes(31, &vec![1; MAX_BODY_BYTES + 1])].concat()).unwrap_err();
    assert_eq!(past.to_string(), "content of a newer kind has 57345 bytes, more than the 57344 allowed");
}

/// Today's kinds, read by a version of before them: as if their numbers were not known.
#[test]
fn todays_kinds_have_the_numbers_that_older_versions_pass_over_or_show_by_their_fallback() {
    for body in bodies() {
        let is_message = body.is_message();
        let content = Content::new(body).with_fallback("See your phone").unwrap();
        let encoded = content.encode(&SeededRng::new(1));
        let known = [2, 3, 4, 5];
        let kinds = crate::protobuf::numbers(encoded.plaintext());
        let kind = kinds.iter().find(|number| known.contains(*number) || **number >= 16).unwrap();
        assert_eq!(is_message, [2, 3].contains(kind) || (16..=95).contains(kind), "{kinds:?}");
    }
}

/// What is seen of the carrier's log of keys stands beside what is said: an older version passes it over, and
/// this one passes over what is of another length.
#[test]
fn a_head_of_the_log_is_told_beside_what_is_said_and_is_not_kept_with_it() {
    let said = Content::text(Text::new("hello").unwrap());
    for length in [0, 1, 103, 104, 105, 4096] {
        let with = [bytes(2, &bytes(1, b"hello")), bytes(10, &vec![7; length])].concat();
        assert_eq!(decode(&with).unwrap(), said, "{length}");
    }
    let head = [7; LOG_HEAD_BYTES];
    let encoded = said.encode_with_log_head(Some(&head), &SeededRng::new(1));
    assert_eq!(encoded.plaintext().len(), PADDING_STEP, "a short text has room for it");
    let (content, opening, told) = Content::decode_with_log_head(encoded.plaintext()).unwrap();
    assert_eq!((&content, told), (&said, Some(head)));
    opening.verify(encoded.plaintext(), &encoded.tag()).unwrap();
    let again = content.encode(&SeededRng::new(1));
    assert_eq!(
        Content::decode_with_log_head(again.plaintext()).unwrap().2,
        None,
        "whoever keeps it keeps the words"
    );
}

/// The digest of the plaintext came later: pointers without one are read as before, and one of another length
/// is malformed.
#[test]
fn a_pointer_says_the_digest_of_its_plaintext_or_does_not() {
    let before =
        [bytes(1, b"a"), bytes(2, &[7; 32]), bytes(3, &[9; 32]), number(4, 5), bytes(5, b"a/b")].concat();
    let document = |pointer: &[u8]| decode(&bytes(18, &bytes(1, pointer)));
    for (digest, expected) in [(&[][..], None), (&bytes(6, &[8; 32]), Some(&[8; 32]))] {
        let content = document(&[&before, digest].concat()).unwrap();
        let Body::Document(document) = content.body() else { panic!("{content:?}") };
        assert_eq!(document.attachment().plaintext_digest(), expected);
        comes_back(&content);
    }
    for length in [0, 31, 33] {
        let pointer = [&before[..], &bytes(6, &vec![8; length])].concat();
        assert!(matches!(document(&pointer), Err(InvalidContent::Malformed)), "{length}");
    }
}
