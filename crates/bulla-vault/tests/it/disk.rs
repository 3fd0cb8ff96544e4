//! What lies on the disk of a real engine.

use std::fs;
use std::path::Path;

use bulla_base::Clock;
use bulla_store::{Batch, Commit, Key, Retention, Store};
use bulla_store_fjall::{FjallOptions, FjallStore};
use bulla_vault::{FileKeyring, Vault};

use crate::world::{ALICE, DAY, SPACE, World, run};

const RECORDS: u64 = 500;

/// Sixteen bytes that stand nowhere else.
fn canary(number: u64) -> Vec<u8> {
    [&b"canary!!"[..], &number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()].concat()
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![fs::read(&path).unwrap()] })
        .collect()
}

#[test]
fn values_lie_in_no_file_and_are_read_after_a_restart() {
    run(async {
        let (folder, world) = (tempfile::tempdir().unwrap(), World::new(1));
        let open = async || {
            let engine = FjallStore::open(folder.path().join("store"), FjallOptions::default()).unwrap();
            let keyring = FileKeyring::open(folder.path().join("keyring")).unwrap();
            let keys = world.operator(7);
            Vault::open(engine, keyring, &keys, world.clock.clone(), world.rng.clone()).await.unwrap()
        };
        let key = |number: u64| Key::undated(SPACE, number.to_be_bytes().to_vec());
        let vault = open().await;
        let mut batch = Batch::new(ALICE);
        for number in 0..RECORDS {
            match number % 2 {
                0 => batch.put(key(number), canary(number)),
                _ => batch.put_until(
                    key(number),
                    canary(number),
                    Retention::new(DAY).unwrap().from(world.clock.now()),
                ),
            }
        }
        assert!(matches!(vault.commit(batch).await.unwrap(), Commit::Committed(_)));
        drop(vault);

        let files = files(folder.path());
        let found = |needle: &[u8]| {
            files.iter().any(|file| file.windows(needle.len()).any(|window| window == needle))
        };
        // The names of keys are not sealed: what is looked for would be found.
        assert!(found(key(RECORDS - 1).name()));
        assert!(!found(b"canary!!"));
        assert!(!found(&canary(1)[8..]) && !found(&canary(2)[8..]));

        let vault = open().await;
        for number in 0..RECORDS {
            let record = vault.get(ALICE, &key(number), world.clock.now()).await.unwrap().unwrap();
            assert_eq!(record.value[..], canary(number));
        }
        assert!(!vault.is_restored());
    });
}

/// Its future was dropped after the engine had the batch, so nobody came back to note that something was
/// written.
#[test]
fn a_commit_nobody_waits_for_begins_a_generation_as_any_other() {
    run(async {
        let (folder, world) = (tempfile::tempdir().unwrap(), World::new(1));
        let engine = FjallStore::open(folder.path().join("store"), FjallOptions::default()).unwrap();
        let keyring = FileKeyring::open(folder.path().join("keyring")).unwrap();
        let keys = world.operator(7);
        let vault =
            Vault::open(engine, keyring, &keys, world.clock.clone(), world.rng.clone()).await.unwrap();
        let batch = || {
            let mut batch = Batch::new(ALICE);
            batch.put(Key::undated(SPACE, "name"), "value");
            batch
        };
        assert!(matches!(vault.commit(batch()).await.unwrap(), Commit::Committed(_)));
        vault.tick().await.unwrap();
        let before = vault.generation().await;
        vault.tick().await.unwrap();
        assert_eq!(vault.generation().await, before, "nothing was written");
        {
            let mut commit = Box::pin(vault.commit(batch()));
            let waker = std::task::Waker::noop();
            assert!(commit.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
        }
        vault.tick().await.unwrap();
        assert_eq!(vault.generation().await.number(), before.number() + 1);
    });
}
