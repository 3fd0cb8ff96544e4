//! What is read allocates within a bound, whatever a stranger has put into it.

use allocation_counter::measure;
use bulla_content::attachment::{AttachmentPointer, Checker, Sealer};
use bulla_content::limits::{
    ATTACHMENT_CHUNK_BYTES, MAX_ATTACHMENT_BYTES, MAX_BODY_BYTES, MAX_DECODING_BYTES,
};
use bulla_content::{Body, Content, MAX_PLAINTEXT_BYTES, PADDING_STEP};

use crate::protobuf::{bytes, number, padded};
use crate::samples::{bodies, id, pointer};

/// The most that was allocated at one time.
fn peak(plaintext: &[u8]) -> usize {
    let info = measure(|| drop(Content::decode(plaintext)));
    usize::try_from(info.bytes_max).unwrap()
}

/// As much of `part` as a content has room for, behind `before`, in the fields `path` from the outermost.
fn filled(path: &[u32], before: &[u8], part: &[u8]) -> Vec<u8> {
    let room = MAX_PLAINTEXT_BYTES - PADDING_STEP - before.len();
    let mut message = [before, &part.repeat(room / part.len())].concat();
    for number in path.iter().rev() {
        message = bytes(*number, &message);
    }
    padded(&message)
}

#[test]
fn as_much_of_anything_as_has_room_stays_within_the_bound() {
    let contact = bytes(1, &[bytes(1, b"A"), bytes(2, b"A")].concat());
    let phones = bytes(2, &bytes(1, b"1")).repeat(10);
    let addresses = bytes(4, b"").repeat(10);
    let urls = bytes(6, &bytes(1, b"x")).repeat(10);
    let full = bytes(1, &[contact.clone(), phones, addresses, urls].concat());
    let button = bytes(4, &bytes(1, &bytes(1, b"x")));
    let hostile: Vec<(&str, Vec<u8>)> = vec![
        ("ids of a receipt", filled(&[4], &number(1, 2), &bytes(2, id(1).as_bytes()))),
        ("empty ids of a receipt", filled(&[4], &number(1, 2), &bytes(2, b""))),
        ("empty contacts", filled(&[22], b"", &bytes(1, b""))),
        ("small contacts", filled(&[22], b"", &bytes(1, &contact))),
        ("full contacts", filled(&[22], b"", &full)),
        ("empty addresses of one contact", filled(&[22, 1], &contact, &bytes(4, b""))),
        ("empty sections", filled(&[23, 4, 2], &bytes(1, b"x"), &bytes(2, b""))),
        ("rows", filled(&[23, 4, 2, 2], b"", &bytes(2, &[bytes(1, b"x"), bytes(2, b"x")].concat()))),
        ("buttons of a template", filled(&[25], &bytes(2, b"x"), &button)),
        ("items of an order", filled(&[27], &bytes(1, b"x"), &bytes(3, b""))),
        ("one text over and over", filled(&[2], b"", &bytes(1, b"hello"))),
        ("one long text", filled(&[2, 1], b"", b"x")),
        ("NULs", filled(&[25, 2], b"", b"\0")),
        ("fallback texts", filled(&[], b"", &bytes(6, b"x"))),
        ("unknown fields", filled(&[], b"", &number(200, 1))),
        ("a newer kind", padded(&bytes(31, &vec![7; MAX_BODY_BYTES]))),
        ("headers", filled(&[23], b"", &bytes(1, &bytes(1, &bytes(1, b"x"))))),
    ];
    let mut most = (0, "");
    for (name, plaintext) in hostile {
        assert!(plaintext.len() <= MAX_PLAINTEXT_BYTES, "{name}");
        let bytes = peak(&plaintext);
        println!("{bytes:>8} {name}");
        assert!(bytes <= MAX_DECODING_BYTES, "{name} takes {bytes}");
        most = most.max((bytes, name));
    }
    // The bound says something: the worst of these comes to some of it.
    assert!(most.0 > MAX_DECODING_BYTES / 8, "{most:?}");
}

/// Nothing that holds a key is in a buffer that had to grow, which would leave a copy behind.
#[test]
fn what_is_encoded_is_written_into_one_buffer() {
    for body in bodies() {
        let content = Content::new(body).with_fallback("Something else").unwrap();
        let rng = bulla_base::SeededRng::new(1);
        let info = measure(|| drop(content.encode(&rng)));
        assert_eq!(info.count_total, 1, "{}", content.body().name());
    }
}

#[test]
fn a_text_is_read_with_one_allocation() {
    let encoded =
        Content::text(bulla_content::Text::new("hello").unwrap()).encode(&bulla_base::SeededRng::new(1));
    let info = measure(|| {
        let (content, _) = Content::decode(encoded.plaintext()).unwrap();
        assert!(matches!(content.body(), Body::Text(_)));
    });
    assert_eq!(info.count_total, 1);
}

/// The most bytes there were at one time, and how many times memory was taken.
fn taken(work: impl FnOnce()) -> (u64, u64) {
    let info = measure(work);
    (info.bytes_max, info.count_total)
}

#[test]
fn an_attachment_is_sealed_and_opened_in_the_memory_of_one_chunk() {
    const CHUNK: u64 = ATTACHMENT_CHUNK_BYTES as u64 + 16;
    let (part, size) = ([7; 100_000], 2_000_000);
    let (mut stored, mut said) = (Vec::with_capacity(2_200_000), None);
    let rng = bulla_base::SeededRng::new(1);
    let sealing = taken(|| {
        let mut sealer = Sealer::new(size, &rng).unwrap();
        for mut part in std::iter::repeat_n(&part[..], 20) {
            while let Some(chunk) = sealer.push(&mut part).unwrap() {
                stored.extend_from_slice(chunk);
            }
        }
        said = Some(sealer.finish().unwrap());
    });
    assert_eq!(sealing, (CHUNK, 1));

    let pointer = said.unwrap().pointer("a", "video/mp4").unwrap();
    let opening = taken(|| {
        let mut checker = Checker::new(&pointer);
        checker.push(&stored).unwrap();
        let (mut opener, mut rest, mut opened) = (checker.finish().unwrap(), &stored[..], 0);
        while let Some(plaintext) = opener.push(&mut rest).unwrap() {
            opened += plaintext.len() as u64;
        }
        opener.finish().unwrap();
        assert_eq!(opened, size);
    });
    // 31 chunks, of which the checker keeps a digest each.
    assert_eq!(stored.len(), 2_031_616 + 31 * 16);
    assert_eq!(opening, (CHUNK + 31 * 32, 2));
}

/// Who only says that an attachment is large costs next to nothing.
#[test]
fn the_largest_attachment_costs_a_checker_less_than_a_chunk() {
    let said: AttachmentPointer = pointer(MAX_ATTACHMENT_BYTES, "image/png");
    assert_eq!(taken(|| drop(Checker::new(&said))), (51_200, 1));
    let rng = bulla_base::SeededRng::new(1);
    let sealing = taken(|| drop(Sealer::new(MAX_ATTACHMENT_BYTES, &rng).unwrap()));
    assert_eq!(sealing, (ATTACHMENT_CHUNK_BYTES as u64 + 16, 1));
}
