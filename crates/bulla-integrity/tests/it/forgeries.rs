//! Nothing counts but what was sent. `INTEGRITY_TRIES=1000000` tries each kind of forgery so often.

use std::collections::HashSet;

use bulla_base::{Category, MessageId, Rng, SeededRng, Timestamp};
use bulla_integrity::{NotProven, Report, Stamp, StampKeys, commitment};

use crate::test_carrier::{NOON, Sent, business, keys, user};

fn tries() -> u64 {
    std::env::var("INTEGRITY_TRIES").map_or(5_000, |tries| tries.parse().unwrap())
}

fn random(rng: &SeededRng) -> u64 {
    let mut bytes = [0; 8];
    rng.fill(&mut bytes);
    u64::from_be_bytes(bytes)
}

/// Counts how many of what `forge` makes of genuine messages are accepted.
fn accepted(forge: impl Fn(&mut Sent, u64) -> bool) -> (u64, u64) {
    let (keys, rng) = (keys(NOON), SeededRng::new(77));
    let genuine: Vec<_> = (0..64).map(|number| Sent::new(number, &keys, NOON)).collect();
    let (mut forged, mut accepted) = (0, 0);
    while forged < tries() {
        let word = random(&rng);
        let mut sent = genuine[usize::try_from(word % 64).unwrap()].clone();
        if forge(&mut sent, word >> 8) {
            forged += 1;
            accepted += u64::from(sent.is_proven(&keys));
        }
    }
    (forged, accepted)
}

#[test]
fn whatever_was_sent_is_proven() {
    let keys = keys(NOON);
    let proven = (0..tries()).filter(|number| Sent::new(*number, &keys, NOON).is_proven(&keys)).count();
    assert_eq!(proven as u64, tries());
}

#[test]
fn of_another_business_nothing_is_proven() {
    let moved = accepted(|sent, word| {
        let before = std::mem::replace(&mut sent.from, business(word % 1_000_000));
        before != sent.from
    });
    assert_eq!(moved, (tries(), 0));
}

#[test]
fn for_another_user_or_device_nothing_is_proven() {
    let moved = accepted(|sent, word| {
        let before = std::mem::replace(&mut sent.to, user(word % 9_999_999));
        before != sent.to
    });
    assert_eq!(moved, (tries(), 0));
    let moved = accepted(|sent, word| {
        let device = bulla_base::DeviceId::new(u8::try_from(2 + word % 9).unwrap()).unwrap();
        sent.to = bulla_base::Address::new(sent.to.party().clone(), device);
        true
    });
    assert_eq!(moved, (tries(), 0));
}

#[test]
fn under_another_id_nothing_is_proven() {
    let moved = accepted(|sent, word| {
        sent.id = MessageId::new(NOON, &SeededRng::new(word.wrapping_add(1 << 60)));
        true
    });
    assert_eq!(moved, (tries(), 0));
}

#[test]
fn of_another_category_or_kind_nothing_is_proven() {
    let moved = accepted(|sent, word| {
        let category = Category::from_code(u8::try_from(word % 5).unwrap());
        std::mem::replace(&mut sent.category, category) != category
    });
    assert_eq!(moved, (tries(), 0));
    let moved = accepted(|sent, word| {
        let kind = u32::try_from(word % u64::from(u32::MAX)).unwrap();
        std::mem::replace(&mut sent.kind, kind) != kind
    });
    assert_eq!(moved, (tries(), 0));
}

/// The stamp's own fields, written anew around its code.
fn restamped(stamp: &Stamp, at: Timestamp) -> Stamp {
    let day = at.day().number().to_be_bytes();
    let bytes = [&day[..], &at.as_millis().to_be_bytes(), &stamp.to_bytes()[12..]].concat();
    Stamp::from_bytes(&bytes).unwrap()
}

#[test]
fn at_another_time_or_on_another_day_nothing_is_proven() {
    for span in [43_199_999, 38 * 86_400_000] {
        let moved = accepted(|sent, word| {
            let at = Timestamp::from_millis(NOON.as_millis() - 21_600_000 + word % span);
            let stamp = restamped(&sent.stamp, at);
            std::mem::replace(&mut sent.stamp, stamp.clone()) != stamp
        });
        assert_eq!(moved, (tries(), 0));
    }
}

#[test]
fn what_was_said_cannot_be_changed_cut_or_lengthened() {
    let changed = accepted(|sent, word| {
        let place = usize::try_from(word % 160).unwrap();
        sent.plaintext[place] ^= u8::try_from(1 + (word >> 20) % 255).unwrap();
        true
    });
    assert_eq!(changed, (tries(), 0));
    let cut = accepted(|sent, word| {
        sent.plaintext.truncate(usize::try_from(32 + word % 128).unwrap());
        true
    });
    assert_eq!(cut, (tries(), 0));
    let lengthened = accepted(|sent, word| {
        sent.plaintext.extend(vec![0; usize::try_from(1 + word % 64).unwrap()]);
        true
    });
    assert_eq!(lengthened, (tries(), 0));
}

#[test]
fn no_code_can_be_guessed_or_taken_from_another_message() {
    let guessed = accepted(|sent, word| {
        let mut bytes = sent.stamp.to_bytes();
        SeededRng::new(word).fill(&mut bytes[12..]);
        sent.stamp = Stamp::from_bytes(&bytes).unwrap();
        true
    });
    assert_eq!(guessed, (tries(), 0));
    let flipped = accepted(|sent, word| {
        let mut bytes = sent.stamp.to_bytes();
        bytes[12 + usize::try_from(word % 32).unwrap()] ^= 1 << ((word >> 10) % 8);
        sent.stamp = Stamp::from_bytes(&bytes).unwrap();
        true
    });
    assert_eq!(flipped, (tries(), 0));
    let (other, transplanted) = (keys(NOON), (0..64).map(|number| Sent::new(number, &keys(NOON), NOON)));
    let stamps: Vec<_> = transplanted.map(|sent| sent.stamp).collect();
    let taken = accepted(|sent, word| {
        let stamp = stamps[usize::try_from(word % 64).unwrap()].clone();
        std::mem::replace(&mut sent.stamp, stamp.clone()) != stamp
    });
    assert_eq!(taken, (tries(), 0));
    assert!(Sent::new(1, &other, NOON).is_proven(&other));
}

#[test]
fn the_stamps_of_another_carrier_prove_nothing() {
    let mut others = StampKeys::new(NOON.day(), &SeededRng::new(10));
    others.advance(NOON.day()).unwrap();
    let ours = keys(NOON);
    assert!((0..tries()).all(|number| !Sent::new(number, &others, NOON).is_proven(&ours)));
}

#[test]
fn a_report_that_was_cut_or_lengthened_is_none() {
    let keys = keys(NOON);
    for number in 0..tries() / 100 {
        let whole = Sent::new(number, &keys, NOON).report().to_bytes();
        for length in 0..whole.len() {
            assert!(Report::from_bytes(&whole[..length]).is_err());
        }
        assert!(Report::from_bytes(&[&whole[..], &[0]].concat()).is_err());
    }
}

/// A sender who could open one commitment in two ways would be reported for what nobody was sent.
#[test]
fn no_two_openings_for_one_commitment() {
    let rng = SeededRng::new(3);
    let mut seen = HashSet::new();
    for try_ in 0..tries() {
        // Of every length, and half of them alike but for the opening key, or for what follows it.
        let mut plaintext = vec![0x5a; 32 + usize::try_from(try_ % 128).unwrap()];
        match try_ % 3 {
            0 => rng.fill(&mut plaintext),
            1 => plaintext[..8].copy_from_slice(&try_.to_be_bytes()),
            _ => plaintext.extend(try_.to_be_bytes()),
        }
        assert!(seen.insert(commitment(&plaintext).unwrap()), "{try_}");
    }
}

/// Somebody else's message beside one's own.
#[test]
fn one_message_that_was_not_sent_makes_the_report_none() {
    let keys = keys(NOON);
    let mine = Sent::new(1, &keys, NOON);
    let mut theirs = Sent::new(8, &keys, NOON);
    assert_eq!(mine.from, theirs.from);
    theirs.plaintext[40] ^= 1;
    let report = Report::new(bulla_integrity::Reason::Scam, vec![mine.message(), theirs.message()]).unwrap();
    assert_eq!(report.verify(&mine.to, &keys), Err(NotProven::NotSent));
}
