//! A keyring as it lies on a disk that somebody else can write to.

use std::sync::{Arc, OnceLock};

use bulla_base::{ManualClock, SeededRng, Timestamp};
use bulla_store::MemoryStore;
use bulla_vault::{KEYRING_BYTES, MemoryKeyring, OperatorKey, Vault, VaultError};
use sha2::{Digest, Sha256};

const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);
const SLOT_BYTES: usize = KEYRING_BYTES / 2;

/// Opens the bytes as a keyring, each time over an empty store.
///
/// The first byte tells what they are. 0: the keyring itself. Otherwise changes to one that is good, four
/// bytes each: at which place (2), by what (1), and what is not read; if it is even, the sums of both slots
/// are then made right again, so that what lies behind them is reached; if it is a multiple of 3, the last
/// change cuts the keyring off instead.
///
/// Whatever they are, the keyring opens or is refused; it is never taken for none; and one that is refused is
/// left as it is.
pub(crate) fn check(bytes: &[u8]) {
    let Some((form, bytes)) = bytes.split_first() else { return };
    let given = if *form == 0 { bytes.to_vec() } else { changed(*form, bytes) };
    let file = MemoryKeyring::from_bytes(given.clone());
    match open(&file) {
        Ok(vault) => {
            assert!(file.to_bytes().len() == KEYRING_BYTES && !format!("{vault:?}").is_empty());
            // It opens again as it is now.
            drop(vault);
            assert!(!matches!(open(&file), Err(VaultError::Keyring(_))));
        }
        Err(error) => {
            assert!(!matches!(error, VaultError::KeyringMissing { .. }), "{error}");
            if matches!(error, VaultError::Keyring(_)) {
                assert!(file.to_bytes() == given, "a keyring that was refused has changed");
            }
        }
    }
}

/// Guards the check: what was not changed is a keyring.
pub(crate) fn opens_untouched() {
    assert!(open(&MemoryKeyring::from_bytes(good().to_vec())).is_ok());
}

fn open(file: &MemoryKeyring) -> Result<Vault<MemoryStore>, VaultError> {
    let rng = Arc::new(SeededRng::new(2));
    let (keys, clock) = (OperatorKey::from_bytes([7; 32], rng.clone()), Arc::new(ManualClock::new(NOW)));
    let vault = Vault::begin_anew(MemoryStore::new(), file.clone(), &keys, clock, rng);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(vault)
}

/// A keyring that was made once, and has opened a store.
fn good() -> &'static [u8] {
    static GOOD: OnceLock<Vec<u8>> = OnceLock::new();
    GOOD.get_or_init(|| {
        let file = MemoryKeyring::new();
        drop(open(&file).unwrap());
        file.to_bytes()
    })
}

fn changed(form: u8, changes: &[u8]) -> Vec<u8> {
    let mut keyring = good().to_vec();
    for change in changes.chunks_exact(4) {
        let place = usize::from(u16::from_be_bytes([change[0], change[1]])) % KEYRING_BYTES;
        keyring[place] ^= change[2];
    }
    if form.is_multiple_of(2) {
        for slot in keyring.chunks_mut(SLOT_BYTES) {
            let sum = Sha256::digest(&slot[..SLOT_BYTES - 32]);
            slot[SLOT_BYTES - 32..].copy_from_slice(&sum);
        }
    }
    if let (true, Some(last)) = (form.is_multiple_of(3), changes.chunks_exact(4).last()) {
        keyring.truncate(usize::from(u16::from_be_bytes([last[0], last[1]])) % KEYRING_BYTES);
    }
    keyring
}
