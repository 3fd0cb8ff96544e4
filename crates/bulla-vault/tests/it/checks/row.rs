//! A sealed row as it lies in a database that somebody else can write to.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{ManualClock, Partition, SeededRng, Timestamp};
use bulla_store::{Batch, Key, MemoryStore, Record, Retention, Scan, Space, Store};
use bulla_vault::{MemoryKeyring, OperatorKey, Vault};

const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);
const ALICE: Partition = Partition::from_bytes([0xa1; 16]);
const VAULT: Space = Space::new(0x50);

/// Puts the bytes into the place of a row, and reads it.
///
/// The first byte tells which row: bits 0 and 1 whether it is one with an expiry and whether its value is
/// empty, bit 2 that it is the conversation's salt. Bit 3 tells that the rest is the row itself; otherwise it
/// is changes to the row as it was sealed, two bytes each: at which place, by what.
///
/// Whatever they are, it is the value that was put, or an error that is about this record, or nothing is
/// there; and a row that was changed never gives a value.
///
/// Every input has keys of its own: a fuzzer sees what a proof is compared with, and would hand that in next.
pub(crate) fn check(bytes: &[u8]) {
    let seed = seed(bytes);
    let Some((form, bytes)) = bytes.split_first() else { return };
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let (engine, keyring) = (Arc::new(MemoryStore::new()), MemoryKeyring::new());
        let vault = open(&engine, &keyring, seed).await;
        let key = Key::undated(Space::new(7), "name");
        let value = if form & 2 == 0 { &b"value"[..] } else { b"" };
        let mut batch = Batch::new(ALICE);
        match form & 1 {
            0 => batch.put(key.clone(), value),
            _ => {
                let span = Retention::new(Duration::from_secs(86_400)).unwrap();
                batch.put_until(key.clone(), value, span.from(NOW));
            }
        }
        let _ = vault.commit(batch).await.unwrap();
        drop(vault);

        let spoilt = if form & 4 == 0 { key.clone() } else { Key::undated(VAULT, "salt") };
        let good = engine.get(ALICE, &spoilt, NOW).await.unwrap().unwrap();
        let row = if form & 8 != 0 { bytes.to_vec() } else { changed(&good, bytes) };
        let is_good = row == good.value;
        let mut batch = Batch::new(ALICE);
        match good.expiry {
            Some(expiry) => batch.put_until(spoilt, row, expiry),
            None => batch.put(spoilt, row),
        }
        let _ = engine.commit(batch).await.unwrap();

        let vault = open(&engine, &keyring, seed).await;
        match vault.get(ALICE, &key, NOW).await {
            Ok(Some(found)) => assert!(is_good && found.value == value, "a value that nobody put"),
            // Its hour is over, or it was sealed before the salt was there, as its head and its version tell.
            Ok(None) => assert!(!is_good || form & 4 != 0),
            Err(error) => assert!(!is_good && error.is_of_a_record(), "{error}"),
        }
        let scanned = vault.scan(ALICE, &Scan::everything(key.space()), NOW).await;
        assert!(scanned.is_ok() || !is_good);
    });
}

fn seed(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

async fn open(engine: &Arc<MemoryStore>, keyring: &MemoryKeyring, seed: u64) -> Vault<Arc<MemoryStore>> {
    let rng = Arc::new(SeededRng::new(seed));
    let (keys, clock) = (OperatorKey::from_bytes([7; 32], rng.clone()), Arc::new(ManualClock::new(NOW)));
    Vault::open(engine.clone(), keyring.clone(), &keys, clock, rng).await.unwrap()
}

fn changed(good: &Record, changes: &[u8]) -> Vec<u8> {
    let mut row = good.value.to_vec();
    for change in changes.chunks_exact(2) {
        let place = usize::from(change[0]) % row.len();
        row[place] ^= change[1];
    }
    row
}
