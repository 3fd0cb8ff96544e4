use proptest::prelude::*;

use super::*;
use crate::galois_field::{invert, multiply};

const CODES: [Code; 4] = [Code::HEADER, Code::KEY, Code::CT1, Code::CT2];

fn text(code: &Code, seed: u8) -> Vec<u8> {
    let mut word = u16::from(seed) | 1;
    let mut text = Vec::new();
    while text.len() < code.chunks() * CHUNK_BYTES {
        word = multiply(word, 0x1D2B);
        text.extend_from_slice(&word.to_be_bytes());
    }
    text
}

/// The value at a point of the polynomials through the text, as Lagrange's formula has it.
fn by_the_definition(text: &[u8], index: u16) -> Vec<u8> {
    let pieces = text.as_chunks::<CHUNK_BYTES>().0;
    let mut sum = [0; CHUNK_BYTES / 2];
    for (j, piece) in (0..).zip(pieces) {
        let others = (0..).take(pieces.len()).filter(|m| *m != j);
        let factor = others.fold(1, |factor, m| multiply(factor, multiply(index ^ m, invert(j ^ m))));
        for (word, pair) in sum.iter_mut().zip(piece.as_chunks().0) {
            *word ^= multiply(factor, u16::from_be_bytes(*pair));
        }
    }
    sum.into_iter().flat_map(u16::to_be_bytes).collect()
}

#[test]
fn the_first_chunks_are_the_text() {
    for code in CODES {
        let text = text(&code, 1);
        for (index, piece) in (0..).zip(text.as_chunks::<CHUNK_BYTES>().0) {
            assert_eq!(code.encode(&text, index).data, *piece);
        }
    }
}

#[test]
fn the_text_is_not_guessed_from_too_few_chunks() {
    for code in CODES {
        let text = text(&code, 1);
        let chunks: Vec<_> = (0..36).map(|index| code.encode(&text, index)).collect();
        assert!(code.decode(&chunks[..code.chunks() - 1]).is_none());
        assert_eq!(code.decode(&chunks[..code.chunks()]).unwrap(), text);
    }
}

#[test]
fn a_repeated_chunk_counts_once() {
    let text = text(&Code::HEADER, 1);
    let chunk = |index| Code::HEADER.encode(&text, index);
    let mut collected = Collected::starting_with(chunk(9));
    assert!(matches!(collected.with(chunk(9), &Code::HEADER), Arrival::Known));
    assert!(matches!(collected.with(chunk(7), &Code::HEADER), Arrival::New));
    collected.push(chunk(7));
    assert!(matches!(collected.with(chunk(7), &Code::HEADER), Arrival::Known));
    assert!(matches!(collected.with(chunk(0), &Code::HEADER), Arrival::Complete(found) if found == text));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn chunks_are_what_the_definition_says(
        which in 0..4usize,
        text in prop::collection::vec(any::<u8>(), 36 * CHUNK_BYTES),
        index in any::<u16>(),
    ) {
        let code = &CODES[which];
        let text = &text[..code.chunks() * CHUNK_BYTES];
        let edges = [63, 64, 1007, 1008, 1022, 1023, 1024, 1025, u16::MAX - 1, u16::MAX];
        for index in (0..=40).chain(edges).chain([index]) {
            prop_assert_eq!(&code.encode(text, index).data[..], by_the_definition(text, index), "chunk {}", index);
        }
    }

    #[test]
    fn any_chunks_give_the_text_back(
        which in 0..4usize,
        seed in any::<u8>(),
        indexes in prop::collection::hash_set(prop_oneof![0..60u16, any::<u16>()], 36),
    ) {
        let code = &CODES[which];
        let text = text(code, seed);
        let chunks: Vec<_> = indexes.into_iter().take(code.chunks()).map(|index| code.encode(&text, index)).collect();
        prop_assert_eq!(code.decode(&chunks).unwrap(), text);
    }
}
