//! What is not the attachment that the message tells of is refused: by the digest before anything opens, and
//! by the chunk where its author has digested the wrong thing.

use bulla_content::attachment::{AttachmentError, AttachmentKey, AttachmentPointer, Checker, open};
use bulla_content::limits::ATTACHMENT_CHUNK_BYTES;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::attachments::{as_a_stranger_seals, opened, plaintext, sealed};

/// A sealed chunk.
const SEALED_CHUNK: usize = ATTACHMENT_CHUNK_BYTES + 16;
/// The size of the attachment that is tampered with: four chunks exactly.
const SIZE: usize = 4 * ATTACHMENT_CHUNK_BYTES;

fn pointer(key: &AttachmentKey, sealed: &[u8], size: usize) -> AttachmentPointer {
    AttachmentPointer::new("a", key.clone(), Sha256::digest(sealed).into(), size as u64, "image/png").unwrap()
}

/// `sealed` with its chunks in this order.
fn in_order(sealed: &[u8], order: &[usize]) -> Vec<u8> {
    let chunks: Vec<_> = sealed.chunks(SEALED_CHUNK).collect();
    order.iter().flat_map(|place| chunks[*place].iter().copied()).collect()
}

/// The error of one of the four chunks of the attachment that is tampered with.
const fn wrong_chunk(index: u32) -> AttachmentError {
    AttachmentError::WrongChunk { index, chunks: 4 }
}

#[test]
fn other_bytes_than_the_message_tells_of_are_refused_before_any_is_opened() {
    let (stored, said) = sealed(&plaintext(SIZE), 1);
    assert_eq!(stored.len(), 4 * SEALED_CHUNK);
    let mut changed = stored.clone();
    for place in [0, SEALED_CHUNK - 1, SEALED_CHUNK, 4 * SEALED_CHUNK - 1] {
        changed[place] ^= 0x80;
        assert_eq!(open(&said, &changed), Err(AttachmentError::WrongDigest), "{place}");
        changed[place] ^= 0x80;
    }
    for order in [[1, 0, 2, 3], [0, 2, 1, 3], [0, 0, 2, 3], [0, 1, 3, 2]] {
        assert_eq!(open(&said, &in_order(&stored, &order)), Err(AttachmentError::WrongDigest), "{order:?}");
    }
    // All of another attachment, under another key and under the same.
    for seed in [1, 2] {
        let (other, _) = sealed(&plaintext(SIZE + 1)[1..], seed);
        assert_eq!(open(&said, &other), Err(AttachmentError::WrongDigest));
    }
}

#[test]
fn what_is_truncated_or_extended_is_refused_with_its_length() {
    let (stored, said) = sealed(&plaintext(SIZE), 1);
    let expected = stored.len() as u64;
    for actual in [0, 1, SEALED_CHUNK, 3 * SEALED_CHUNK, stored.len() - 1] {
        let refused = open(&said, &stored[..actual]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("sealed attachment has {actual} of its {expected} bytes"),
            "{actual}"
        );
    }
    let too_long = AttachmentError::TooLong { field: "sealed attachment", expected };
    for more in [1, 16, SEALED_CHUNK, 3 * SEALED_CHUNK] {
        let extended = [&stored[..], &vec![0; more]].concat();
        assert_eq!(open(&said, &extended), Err(too_long), "{more}");
        // Also when somebody goes on after the error.
        let mut checker = Checker::new(&said);
        checker.push(&stored).unwrap();
        assert_eq!(checker.push(&extended[stored.len()..]), Err(too_long));
        assert_eq!(checker.push(&[]), Err(too_long));
        assert_eq!(checker.finish().unwrap_err(), too_long);
    }
}

#[test]
fn chunks_open_at_their_own_place_of_their_own_attachment_alone() {
    let (stored, said) = sealed(&plaintext(SIZE), 1);
    let refused = |sealed: &[u8]| open(&pointer(said.key(), sealed, SIZE), sealed).unwrap_err();
    assert!(open(&pointer(said.key(), &stored, SIZE), &stored).is_ok());
    assert_eq!(refused(&in_order(&stored, &[1, 0, 2, 3])), wrong_chunk(0));
    assert_eq!(refused(&in_order(&stored, &[0, 2, 1, 3])), wrong_chunk(1));
    assert_eq!(refused(&in_order(&stored, &[0, 0, 2, 3])), wrong_chunk(1));
    assert_eq!(refused(&in_order(&stored, &[0, 1, 3, 2])), wrong_chunk(2));
    assert_eq!(refused(&in_order(&stored, &[0, 1, 2, 2])), wrong_chunk(3));

    // One chunk of another attachment: under another key, and under the same but of another size.
    let (other, _) = sealed(&plaintext(SIZE), 2);
    let mixed = [&stored[..SEALED_CHUNK], &other[SEALED_CHUNK..]].concat();
    assert_eq!(refused(&mixed), wrong_chunk(1));
    let (longer, _) = sealed(&plaintext(2 * SIZE), 1);
    let cut = &longer[..4 * SEALED_CHUNK];
    assert_eq!(refused(cut), wrong_chunk(0));
}

#[test]
fn a_wrong_key_and_a_wrong_size_open_nothing() {
    let (stored, said) = sealed(&plaintext(SIZE), 1);
    let other = AttachmentKey::from_bytes([1; 32]);
    let refused = open(&pointer(&other, &stored, SIZE), &stored).unwrap_err();
    assert_eq!(refused, wrong_chunk(0));
    assert_eq!(refused.to_string(), "chunk 0 of 4 of a sealed attachment does not open");
    // In the same bucket, and in those beside it.
    assert_eq!(open(&pointer(said.key(), &stored, SIZE - 1), &stored), Err(wrong_chunk(0)));
    let smaller = open(&pointer(said.key(), &stored, SIZE / 2), &stored).unwrap_err();
    assert_eq!(smaller.to_string(), "sealed attachment has more than its 131104 bytes");
    let larger = open(&pointer(said.key(), &stored, SIZE + 1), &stored).unwrap_err();
    assert_eq!(larger.to_string(), "sealed attachment has 262208 of its 270416 bytes");
}

/// An author seals two streams under one key, of one size: every chunk of either opens in its place. What is
/// opened must be the one that the message has the digest of, or a report would prove the other.
#[test]
fn of_two_streams_under_one_key_only_the_digested_one_opens() {
    let (stored, said) = sealed(&plaintext(SIZE), 1);
    let (other, other_said) = sealed(&plaintext(SIZE + 1)[1..], 1);
    assert!(said.key() == other_said.key() && open(&other_said, &other).is_ok());
    assert_eq!(open(&said, &other), Err(AttachmentError::WrongDigest));

    // Nor when the bytes are exchanged after they were checked.
    let opener = || {
        let mut checker = Checker::new(&said);
        checker.push(&stored).unwrap();
        checker.finish().unwrap()
    };
    assert_eq!(opened(opener(), &other, 1000), Err(wrong_chunk(0)));
    let exchanged = [&stored[..3 * SEALED_CHUNK], &other[3 * SEALED_CHUNK..]].concat();
    assert_eq!(opened(opener(), &exchanged, 1000), Err(wrong_chunk(3)));
}

#[test]
fn an_opener_tells_what_is_missing_and_what_is_too_much_and_then_opens_nothing_any_more() {
    let (stored, said) = sealed(&plaintext(SIZE), 1);
    let opener = || {
        let mut checker = Checker::new(&said);
        checker.push(&stored).unwrap();
        checker.finish().unwrap()
    };
    assert_eq!(opener().size(), SIZE as u64);
    for actual in [1, SEALED_CHUNK, stored.len() - 1] {
        let refused = opened(opener(), &stored[..actual], 1000).unwrap_err();
        assert_eq!(refused.to_string(), format!("sealed attachment has {actual} of its 262208 bytes"));
    }
    let extended = [&stored[..], &[0]].concat();
    let too_long = AttachmentError::TooLong { field: "sealed attachment", expected: stored.len() as u64 };
    assert_eq!(opened(opener(), &extended, 1000), Err(too_long));

    let mut changed = stored.clone();
    changed[0] ^= 1;
    let mut opener = opener();
    assert_eq!(opener.push(&mut &changed[..]), Err(wrong_chunk(0)));
    assert_eq!(opener.push(&mut &stored[..]), Err(wrong_chunk(0)));
    assert_eq!(opener.finish(), Err(wrong_chunk(0)));
}

#[test]
fn a_padding_of_something_else_than_zeros_is_refused() {
    for (size, place) in [(100, "chunk 0 of 1"), (ATTACHMENT_CHUNK_BYTES + 1, "chunk 1 of 2")] {
        let key = AttachmentKey::from_bytes([7; 32]);
        let sealed = as_a_stranger_seals(key.as_bytes(), &plaintext(size), 1);
        let refused = open(&pointer(&key, &sealed, size), &sealed).unwrap_err();
        assert_eq!(refused.to_string(), format!("{place} of a sealed attachment is not padded with zeros"));
        let sealed = as_a_stranger_seals(key.as_bytes(), &plaintext(size), 0);
        assert!(open(&pointer(&key, &sealed, size), &sealed).is_ok());
    }
}

/// An author seals one thing and says the digest of another. Who serves it on must not serve all of it: the
/// last piece of the plaintext is kept back.
#[test]
fn a_plaintext_of_another_digest_than_its_message_says_never_ends() {
    for (size, shown) in [
        (1, 0),
        (ATTACHMENT_CHUNK_BYTES, 0),
        (ATTACHMENT_CHUNK_BYTES + 1, ATTACHMENT_CHUNK_BYTES),
        (SIZE, SIZE - ATTACHMENT_CHUNK_BYTES),
    ] {
        let plaintext = plaintext(size);
        let (stored, said) = sealed(&plaintext, 1);
        assert_eq!(said.plaintext_digest().unwrap()[..], Sha256::digest(&plaintext)[..]);
        let other = said.clone().with_plaintext_digest(Sha256::digest(b"other").into());
        assert_eq!(open(&other, &stored), Err(AttachmentError::WrongPlaintext));
        let mut checker = Checker::new(&other);
        checker.push(&stored).unwrap();
        let (mut opener, mut rest, mut given) = (checker.finish().unwrap(), &stored[..], 0);
        let refused = loop {
            match opener.push(&mut rest) {
                Ok(piece) => given += piece.map_or(0, <[u8]>::len),
                Err(refused) => break refused,
            }
        };
        assert_eq!((refused, given), (AttachmentError::WrongPlaintext, shown));
        assert_eq!(opener.finish(), Err(AttachmentError::WrongPlaintext));
    }
    // A message of a version that did not say it.
    let (stored, said) = sealed(&plaintext(SIZE), 1);
    let without = pointer(said.key(), &stored, SIZE);
    assert_eq!(without.plaintext_digest(), None);
    assert!(open(&without, &stored).is_ok());
}

proptest! {
    #[test]
    fn no_bytes_open_or_panic(bytes in proptest::collection::vec(any::<u8>(), 0..9000), size in 1usize..9000) {
        let key = AttachmentKey::from_bytes([7; 32]);
        prop_assert!(open(&pointer(&key, &bytes, size), &bytes).is_err());
    }

    #[test]
    fn any_change_is_refused(place in 0usize..4112, change in 1u8.., size in 1usize..4096) {
        let (mut stored, said) = sealed(&plaintext(size), 1);
        stored[place] ^= change;
        prop_assert_eq!(open(&said, &stored), Err(AttachmentError::WrongDigest));
        let digested = pointer(said.key(), &stored, size);
        let wrong_chunk = AttachmentError::WrongChunk { index: 0, chunks: 1 };
        prop_assert_eq!(open(&digested, &stored), Err(wrong_chunk));
    }
}
