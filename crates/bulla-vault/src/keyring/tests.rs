use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bulla_base::{SeededRng, Timestamp};

use super::*;
use crate::key_encryption::OperatorKey;

/// Nothing here waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a keyring in memory never waits"),
    }
}

fn state(generation: u64, rng: &SeededRng) -> KeyringState {
    let epochs = KeyEpochs::begin(Timestamp::from_millis(1_795_293_590_960), rng);
    KeyringState { generation, opening: false, version: 0, lasting: Secret::draw(rng), epochs }
}

fn opened(bytes: Vec<u8>, keys: &OperatorKey, rng: &SeededRng) -> (MemoryKeyring, KeyringState) {
    let file = MemoryKeyring::from_bytes(bytes);
    let opened = ready(Keyring::open(Box::new(file.clone()), keys, rng)).unwrap();
    let OpenedKeyring::There(_, state) = opened else { panic!("there is none") };
    (file, state)
}

/// The old keyring and the new one, as bytes, and the operator's key.
fn before_and_after(rng: &Arc<SeededRng>) -> (Vec<u8>, Vec<u8>, OperatorKey) {
    let keys = OperatorKey::from_bytes([7; 32], rng.clone());
    let file = MemoryKeyring::new();
    let mut keyring = ready(Keyring::create(Box::new(file.clone()), &keys, &state(1, rng), &**rng)).unwrap();
    let before = file.to_bytes();
    keyring.save(&state(2, rng), &**rng).unwrap();
    (before, file.to_bytes(), keys)
}

#[test]
fn a_write_cut_at_any_byte_leaves_the_old_state_or_the_new_and_opening_mends_it() {
    let rng = Arc::new(SeededRng::new(1));
    let (before, after, keys) = before_and_after(&rng);
    let mut found = [0, 0];
    for cut in 0..=KEYRING_BYTES {
        // Cut clean, and with the byte at the cut neither old nor new.
        for garbage in [0, 0x55] {
            let mut bytes = [&after[..cut], &before[cut..]].concat();
            if let Some(byte) = bytes.get_mut(cut).filter(|_| garbage != 0) {
                *byte ^= garbage;
            }
            let (file, state) = opened(bytes, &keys, &rng);
            assert!(matches!(state.generation, 1 | 2), "cut at {cut}");
            assert!(state.generation == 2 || cut < SLOT_BYTES, "cut at {cut}: the new state was whole");
            found[usize::from(state.generation == 2)] += 1;
            let mended = file.to_bytes();
            assert_eq!(mended[..SLOT_BYTES], mended[SLOT_BYTES..], "cut at {cut}");
        }
    }
    assert!(found[0] > 8000 && found[1] > 8000, "{found:?}");
}

#[test]
fn new_keyring_state_holds_nothing_of_the_old() {
    let rng = Arc::new(SeededRng::new(1));
    let (before, after, _) = before_and_after(&rng);
    let sealed = Slot::from_bytes(&before[..SLOT_BYTES]).unwrap().sealed;
    for part in sealed.chunks(12) {
        assert!(before.windows(part.len()).any(|window| window == part));
        assert!(part.len() < 12 || !after.windows(part.len()).any(|window| window == part));
    }
}

#[test]
fn a_slot_of_one_keyring_does_not_open_in_another() {
    let rng = Arc::new(SeededRng::new(1));
    let (_, mine, keys) = before_and_after(&rng);
    let (_, other, _) = before_and_after(&rng);
    let (mut mixed, donor) =
        (Slot::from_bytes(&mine[..SLOT_BYTES]).unwrap(), Slot::from_bytes(&other[..SLOT_BYTES]).unwrap());
    // The wrapped key of one, and the state of the other.
    mixed.sealed.clone_from(&donor.sealed);
    let slot = mixed.to_bytes().unwrap();
    let file = MemoryKeyring::from_bytes([&slot[..], &slot].concat());
    assert!(matches!(ready(Keyring::open(Box::new(file), &keys, &*rng)), Err(KeyringError::Damaged { .. })));
    // A state under an older sequence's number.
    let mut older = Slot::from_bytes(&mine[..SLOT_BYTES]).unwrap();
    older.sequence += 1;
    let slot = older.to_bytes().unwrap();
    let file = MemoryKeyring::from_bytes([&slot[..], &slot].concat());
    assert!(matches!(ready(Keyring::open(Box::new(file), &keys, &*rng)), Err(KeyringError::Damaged { .. })));
}

/// What an earlier version wrote is refused by name, and not taken for damage or for nothing.
#[test]
fn a_keyring_of_another_form_is_told_from_a_damaged_one() {
    use sha2::{Digest, Sha256};
    let rng = Arc::new(SeededRng::new(1));
    let (_, mut bytes, keys) = before_and_after(&rng);
    for slot in bytes.chunks_mut(SLOT_BYTES) {
        slot[7] = b'1';
        let check = Sha256::digest(&slot[..SLOT_BYTES - 32]);
        slot[SLOT_BYTES - 32..].copy_from_slice(&check);
    }
    let file = MemoryKeyring::from_bytes(bytes);
    let error = ready(Keyring::open(Box::new(file), &keys, &*rng)).unwrap_err();
    let expected = "the keyring in memory is of the form 1, which this version does not read; use the version that made it";
    assert_eq!(error.to_string(), expected);
}
