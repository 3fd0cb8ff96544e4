//! What is sealed comes back, of any size and in any pieces, and stands in the form that is described.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use bulla_base::{Rng, SeededRng};
use bulla_content::attachment::{
    AttachmentError, AttachmentKey, AttachmentPointer, Checker, Opener, Sealed, Sealer, open, seal,
};
use bulla_content::limits::{ATTACHMENT_CHUNK_BYTES, MAX_ATTACHMENT_BYTES, MAX_SEALED_ATTACHMENT_BYTES};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const CHUNK: usize = ATTACHMENT_CHUNK_BYTES;

/// So many bytes, no two chunks of them alike.
pub(crate) fn plaintext(size: usize) -> Vec<u8> {
    (0..size).map(|place| (place * 7 + place / 251).to_le_bytes()[0]).collect()
}

pub(crate) fn sealed(plaintext: &[u8], seed: u64) -> (Vec<u8>, AttachmentPointer) {
    let (sealed, said) = seal(plaintext, &SeededRng::new(seed)).unwrap();
    (sealed, said.pointer("a", "image/png").unwrap())
}

/// What `opener` makes of `sealed`, which comes in pieces of at most so many bytes.
pub(crate) fn opened(mut opener: Opener, sealed: &[u8], piece: usize) -> Result<Vec<u8>, AttachmentError> {
    let mut plaintext = Vec::new();
    for mut part in sealed.chunks(piece) {
        while let Some(bytes) = opener.push(&mut part)? {
            plaintext.extend_from_slice(bytes);
        }
        assert!(part.is_empty());
    }
    opener.finish()?;
    Ok(plaintext)
}

fn sealed_in_pieces(plaintext: &[u8], piece: usize) -> (Vec<u8>, Sealed) {
    let mut sealer = Sealer::new(plaintext.len() as u64, &SeededRng::new(1)).unwrap();
    let (expected, mut sealed) = (sealer.sealed_bytes(), Vec::new());
    for mut part in plaintext.chunks(piece) {
        while let Some(chunk) = sealer.push(&mut part).unwrap() {
            sealed.extend_from_slice(chunk);
        }
        assert!(part.is_empty());
    }
    assert_eq!(sealed.len() as u64, expected);
    (sealed, sealer.finish().unwrap())
}

/// The sealed form by its description and nothing of ours.
pub(crate) fn as_a_stranger_seals(key: &[u8; 32], plaintext: &[u8], padding: u8) -> Vec<u8> {
    let length = plaintext.len().max(4096);
    let binary_digits = |number: usize| format!("{number:b}").len();
    let exponent = binary_digits(length) - 1;
    let step = 1 << (exponent - binary_digits(exponent));
    let mut padded = plaintext.to_vec();
    padded.resize(length.div_ceil(step) * step, padding);
    let cipher = Aes256Gcm::new(key.into());
    let (last, mut sealed) = (padded.len().div_ceil(CHUNK) - 1, Vec::new());
    for (place, chunk) in padded.chunks_mut(CHUNK).enumerate() {
        let nonce =
            [&[0; 7][..], &u32::try_from(place).unwrap().to_be_bytes(), &[u8::from(place == last)]].concat();
        let size = (plaintext.len() as u64).to_be_bytes();
        let nonce = Nonce::try_from(&nonce[..]).unwrap();
        let tag = cipher.encrypt_inout_detached(&nonce, &size, InOutBuf::from(&mut *chunk)).unwrap();
        sealed.extend_from_slice(chunk);
        sealed.extend_from_slice(&tag);
    }
    sealed
}

#[test]
fn attachments_of_sizes_around_those_of_chunks_come_back() {
    for size in [1, 2, 4095, 4096, 4097, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 5 * CHUNK + 7]
    {
        let plaintext = plaintext(size);
        let (sealed, pointer) = sealed(&plaintext, 1);
        assert_eq!(pointer.size(), size as u64);
        assert_eq!(pointer.digest(), &<[u8; 32]>::from(Sha256::digest(&sealed)));
        assert_eq!(open(&pointer, &sealed).unwrap(), plaintext, "{size}");
        assert_eq!(sealed, as_a_stranger_seals(pointer.key().as_bytes(), &plaintext, 0), "{size}");
    }
}

/// Made by another implementation, in another language and with another library, from the description.
#[test]
fn the_form_stands_still() {
    let vectors = [
        (1, 4112, "6f9557cb7608adc7ca5de7346e6c6367b91b1d011f096489d8b7bf2fe35e59d3"),
        (65_536, 65_552, "5a4b23a53839084d4b0275a9f18325b594b95207879adb28a872232b7c3da817"),
        (65_537, 67_616, "a2952dbe277e7435a03ddf0b66e6f9d6510bd7e534434398c5c294efae8e31b1"),
        (200_000, 200_768, "133ec3f038e37f7a6775b1136d94eb1a5910686d5bf1b298d0afc63e6bb516c7"),
        (3_000_000, 3_015_392, "21b6916240ba6e4a358a4825bc5f7874b72847bc100336c698d2801f8a6487ed"),
    ];
    for (size, length, digest) in vectors {
        let (sealed, said) = seal(&plaintext(size), &SeededRng::new(1)).unwrap();
        let hex: String = said.digest().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((sealed.len(), hex.as_str()), (length, digest), "{size}");
    }
}

#[test]
fn nothing_and_more_than_the_largest_are_refused_before_they_are_read() {
    let new = |size| Sealer::new(size, &SeededRng::new(1));
    assert_eq!(seal(&[], &SeededRng::new(1)).unwrap_err(), AttachmentError::Empty);
    assert_eq!(new(MAX_ATTACHMENT_BYTES).unwrap().sealed_bytes(), MAX_SEALED_ATTACHMENT_BYTES);
    let too_large = new(MAX_ATTACHMENT_BYTES + 1).unwrap_err();
    let said = "attachment has 104857601 bytes, more than the 104857600 allowed";
    assert_eq!(too_large.to_string(), said);
    assert!(new(u64::MAX).is_err());
}

#[test]
fn a_sealer_takes_what_was_said_and_nothing_more_or_less() {
    let mut sealer = Sealer::new(100_000, &SeededRng::new(1)).unwrap();
    let bytes = plaintext(100_001);
    let too_long = sealer.push(&mut &bytes[..]).unwrap_err();
    assert_eq!(too_long.to_string(), "attachment has more than its 100000 bytes");

    // Nothing was taken, and it goes on.
    let mut part = &bytes[..99_999];
    assert_eq!(sealer.push(&mut part).unwrap().unwrap().len(), CHUNK + 16);
    assert!(sealer.push(&mut part).unwrap().is_none() && part.is_empty());
    assert_eq!(sealer.finish().unwrap_err().to_string(), "attachment has 99999 of its 100000 bytes");

    // Chunks of padding count too.
    let mut sealer = Sealer::new(100_000, &SeededRng::new(1)).unwrap();
    let mut part = &bytes[..100_000];
    sealer.push(&mut part).unwrap().unwrap();
    assert_eq!(sealer.finish().unwrap_err().to_string(), "attachment has 65536 of its 100000 bytes");
}

#[test]
fn chunks_that_are_all_padding_are_given_out_and_opened() {
    // 80 chunks of plaintext and one byte, up to a multiple of 128 KiB.
    let plaintext = plaintext(80 * CHUNK + 1);
    let (sealed, pointer) = sealed(&plaintext, 1);
    assert_eq!(sealed.len(), 82 * (CHUNK + 16));
    assert!(open(&pointer, &sealed).unwrap() == plaintext);

    let mut sealer = Sealer::new(plaintext.len() as u64, &SeededRng::new(1)).unwrap();
    let mut rest = &plaintext[..];
    for _ in 0..81 {
        sealer.push(&mut rest).unwrap().unwrap();
    }
    assert!(rest.is_empty());
    let said = sealer.finish().unwrap_err().to_string();
    assert_eq!(said, "sealed attachment has 5309712 of its 5375264 bytes");
}

#[test]
fn attachments_of_like_size_have_one_size_when_they_are_sealed() {
    let length = |size| sealed(&plaintext(size), 1).0.len();
    assert_eq!(length(1), length(4000));
    assert_eq!(length(1_000_000), length(1_010_000));
}

#[test]
fn the_same_file_is_sealed_under_another_key_each_time() {
    let rng = SeededRng::new(1);
    let [(first, one), (again, other)] = [(); 2].map(|()| seal(&plaintext(100), &rng).unwrap());
    assert_ne!(first, again);
    assert!(one.key() != other.key() && one.key() == &one.key().clone());
}

#[test]
fn nothing_of_an_attachment_prints() {
    let key = AttachmentKey::new(&SeededRng::new(1));
    let mut bytes = [0; 32];
    SeededRng::new(1).fill(&mut bytes);
    assert_eq!(key.as_bytes(), &bytes);
    assert_eq!(format!("{key:?}"), "AttachmentKey(…)");
    let mut sealer = Sealer::new(100, &SeededRng::new(1)).unwrap();
    sealer.push(&mut &[7; 50][..]).unwrap();
    assert_eq!(format!("{sealer:?}"), "Sealer(50 of 100 bytes)");
    let (stored, said) = seal(&plaintext(100), &SeededRng::new(1)).unwrap();
    assert_eq!(format!("{said:?}"), "Sealed(100 bytes)");
    let mut checker = Checker::new(&said.pointer("a", "image/png").unwrap());
    checker.push(&stored).unwrap();
    assert_eq!(format!("{checker:?}"), "Checker(4112 of 4112 sealed bytes)");
    assert_eq!(format!("{:?}", checker.finish().unwrap()), "Opener(0 of 1 chunks)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_attachment_comes_back_in_any_pieces(
        size in 1usize..3 * CHUNK,
        pieces in [1usize..2 * CHUNK, 1usize..2 * CHUNK, 1usize..2 * CHUNK],
    ) {
        let plaintext = plaintext(size);
        let (stored, said) = sealed_in_pieces(&plaintext, pieces[0]);
        prop_assert!(stored == seal(&plaintext, &SeededRng::new(1)).unwrap().0);
        let mut checker = Checker::new(&said.pointer("a", "image/png").unwrap());
        prop_assert_eq!(checker.sealed_bytes(), stored.len() as u64);
        for part in stored.chunks(pieces[1]) {
            checker.push(part).unwrap();
        }
        prop_assert!(opened(checker.finish().unwrap(), &stored, pieces[2]).unwrap() == plaintext);
    }
}
