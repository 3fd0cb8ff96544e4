//! Power fails while the keyring is written.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_vault::{KEYRING_BYTES, KeyringError, KeyringFile, MemoryKeyring, Vault, VaultError};

use crate::world::{ALICE, DAY, HOUR, NOW, World, put, put_for, read, run};

/// A keyring that keeps the first bytes it is given and then fails, in the middle of a write.
#[derive(Debug)]
pub(crate) struct Torn {
    inner: MemoryKeyring,
    left: AtomicUsize,
}

impl Torn {
    pub(crate) fn new(inner: MemoryKeyring, bytes: usize) -> Self {
        Self { inner, left: AtomicUsize::new(bytes) }
    }
}

impl KeyringFile for Torn {
    fn place(&self) -> String {
        "a torn file".to_owned()
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        self.inner.read()
    }

    fn create(&self, bytes: &[u8]) -> io::Result<()> {
        let left = self.left.load(Ordering::SeqCst);
        if left < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.left.store(left - bytes.len(), Ordering::SeqCst);
        self.inner.create(bytes)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let left = self.left.load(Ordering::SeqCst);
        let written = left.min(bytes.len());
        self.left.store(left - written, Ordering::SeqCst);
        self.inner.write(offset, &bytes[..written])?;
        if written < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

#[test]
fn a_write_cut_anywhere_leaves_the_old_state_or_the_new() {
    run(async {
        let (mut old, mut new) = (0, 0);
        let cuts = (0..2 * KEYRING_BYTES).step_by(61).chain([8191, 8192, 8193, 16383, 16384, 16385]);
        for cut in cuts {
            let world = World::new(1);
            let vault = world.vault().await;
            put(&vault, ALICE, "lasting", "value").await;
            put_for(&vault, ALICE, "hourly", "value", NOW, DAY).await;
            drop(vault);
            let (keys, clock, rng) = (world.operator(7), world.clock.clone(), world.rng.clone());
            let torn = Torn::new(world.keyring.clone(), 2 * KEYRING_BYTES + cut);
            let vault = Vault::open(world.engine.clone(), torn, &keys, clock, rng).await.unwrap();
            // Two writings of both slots, one before and one after the store's commit.
            world.clock.advance(HOUR);
            let error = vault.tick().await.unwrap_err();
            assert!(matches!(error, VaultError::Keyring(KeyringError::Unwritable { .. })), "{error}");
            // The vault that runs goes on.
            assert_eq!(read(&vault, ALICE, "hourly").await.as_deref(), Some("value"));
            drop(vault);
            let generation = world.keyring.to_bytes();
            if generation[..8192] == generation[8192..] {
                old += 1
            } else {
                new += 1
            }

            let vault = world.vault().await;
            assert_eq!(read(&vault, ALICE, "lasting").await.as_deref(), Some("value"), "cut at {cut}");
            assert_eq!(read(&vault, ALICE, "hourly").await.as_deref(), Some("value"), "cut at {cut}");
            let keyring = world.keyring.to_bytes();
            assert_eq!(keyring[..8192], keyring[8192..], "cut at {cut}: opening makes both slots the same");
        }
        assert!(old > 0 && new > 0, "{old} {new}");
    });
}

#[test]
fn garbage_in_one_slot_harms_nothing_and_in_both_is_told() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        put(&vault, ALICE, "name", "value").await;
        drop(vault);
        for at in (0..KEYRING_BYTES).step_by(97) {
            let mut bytes = world.keyring.to_bytes();
            bytes[at] ^= 0x10;
            world.keyring.write(0, &bytes).unwrap();
            assert_eq!(
                read(&world.vault().await, ALICE, "name").await.as_deref(),
                Some("value"),
                "byte {at}"
            );
        }
        let mut bytes = world.keyring.to_bytes();
        (bytes[100], bytes[9000]) = (bytes[100] ^ 1, bytes[9000] ^ 1);
        world.keyring.write(0, &bytes).unwrap();
        let error = world.open().await.unwrap_err();
        assert!(matches!(error, VaultError::Keyring(KeyringError::Damaged { .. })), "{error}");
    });
}

#[test]
fn file_that_is_not_a_keyring_is_refused() {
    run(async {
        for bytes in [vec![1; KEYRING_BYTES], vec![1; KEYRING_BYTES + 1], vec![1; KEYRING_BYTES - 1]] {
            let mut world = World::new(1);
            world.keyring = MemoryKeyring::from_bytes(bytes.clone());
            let error = world.open().await.unwrap_err();
            assert!(matches!(error, VaultError::Keyring(KeyringError::Damaged { .. })), "{error}");
            assert_eq!(world.keyring.to_bytes(), bytes, "nothing was overwritten");
        }
    });
}

/// A crash while the very first keyring was written leaves none, and nothing was sealed under it: another is
/// made.
#[test]
fn a_first_keyring_that_was_never_whole_is_made_again() {
    run(async {
        for cut in [0, 1, 100, 8191, 16383] {
            let world = World::new(1);
            let torn = Torn::new(world.keyring.clone(), cut);
            let (keys, clock, rng) = (world.operator(7), world.clock.clone(), world.rng.clone());
            assert!(Vault::open(world.engine.clone(), torn, &keys, clock, rng).await.is_err());
            let vault = world.vault().await;
            put(&vault, ALICE, "name", "value").await;
            assert!(!vault.is_restored());
        }
    });
}

/// It said "there is no keyring … begin with an empty store", and whoever did so lost everything for a file
/// that was cut short.
#[test]
fn a_keyring_that_is_cut_short_is_damaged_and_never_missing() {
    run(async {
        let mut world = World::new(1);
        put(&world.vault().await, ALICE, "name", "value").await;
        let whole = world.keyring.to_bytes();
        for length in (0..KEYRING_BYTES).step_by(509).chain([1, 8191, 8192, 8193]) {
            world.keyring = MemoryKeyring::from_bytes(whole[..length].to_vec());
            match world.open().await {
                // One whole slot is enough, and the first is never older than the second.
                Ok(vault) => assert!(length >= 8192 && !vault.is_restored(), "{length} bytes"),
                Err(error) => {
                    let damaged = matches!(error, VaultError::Keyring(KeyringError::Damaged { .. }));
                    assert!(damaged && length < 8192, "{length} bytes: {error}");
                    assert_eq!(world.keyring.to_bytes(), whole[..length], "nothing was overwritten");
                    continue;
                }
            }
            // Opening has begun a generation that the whole copy does not know.
            let again = World::new(1);
            put(&again.vault().await, ALICE, "name", "value").await;
            world = again;
        }
    });
}

/// With the operator's key and everything on disk, an hour that is over cannot be read; with a copy of the
/// keyring from before, it could be.
#[test]
fn an_hour_that_is_over_is_not_in_the_keyring() {
    run(async {
        let mut world = World::new(1);
        let vault = world.vault().await;
        put_for(&vault, ALICE, "short", "value", NOW, HOUR).await;
        put_for(&vault, ALICE, "long", "value", NOW, DAY).await;
        let before = MemoryKeyring::from_bytes(world.keyring.to_bytes());
        world.pass(&vault, 2 * HOUR + HOUR / 60).await;
        assert_eq!(read(&vault, ALICE, "short").await, None);
        assert_eq!(read(&vault, ALICE, "long").await.as_deref(), Some("value"));
        drop(vault);
        // The clock put back does not bring it back.
        world.clock.set(NOW);
        let vault = world.vault().await;
        assert_eq!(read(&vault, ALICE, "short").await, None);
        drop(vault);
        world.keyring = before;
        assert!(matches!(world.open().await, Err(VaultError::KeyringRolledBack { .. })));
    });
}

#[test]
fn the_keyring_is_written_every_five_minutes_and_when_an_hour_is_over() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        // Begun ten seconds before the fortieth minute of an hour.
        let mut writings = Vec::new();
        for minute in 1..=25 {
            let before = world.keyring.to_bytes();
            world.pass(&vault, HOUR / 60).await;
            if world.keyring.to_bytes() != before {
                writings.push(minute);
            }
        }
        assert_eq!(NOW.as_secs() % 3600 / 60, 39);
        assert_eq!(writings, [5, 10, 15, 20, 21]);
    });
}
