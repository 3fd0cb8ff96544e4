//! Store and keyring belong together, in time too.

use std::sync::Arc;

use bulla_base::Timestamp;
use bulla_store::{Batch, Commit, Key, MemoryStore, SYSTEM_PARTITION, Space, Store};
use bulla_vault::{MemoryKeyring, VaultError};

use crate::world::{ALICE, Engine, HOUR, World, put, raw, read, run};

/// A copy of what the vault keeps of generations, and of one record.
async fn backup(from: &Engine) -> Engine {
    let copy = Arc::new(MemoryStore::new());
    let own = |name: &'static str| Key::undated(Space::new(0x50), name);
    let record = Key::undated(crate::world::SPACE, "name");
    for (partition, key) in [(SYSTEM_PARTITION, own("generation")), (ALICE, own("salt")), (ALICE, record)] {
        if let Some(found) = from.get(partition, &key, Timestamp::from_millis(0)).await.unwrap() {
            let mut batch = Batch::new(partition);
            batch.put(key, found.value);
            assert!(matches!(copy.commit(batch).await.unwrap(), Commit::Committed(_)));
        }
    }
    copy
}

#[test]
fn a_store_from_a_backup_is_told_until_it_is_accepted() {
    run(async {
        let mut world = World::new(1);
        let vault = world.vault().await;
        put(&vault, ALICE, "name", "value").await;
        assert!(!vault.is_restored());
        let old = backup(&world.engine).await;
        drop(vault);
        assert!(!world.vault().await.is_restored(), "opening twice is no restore");

        world.engine = old;
        for _ in 0..2 {
            let vault = world.vault().await;
            assert!(vault.is_restored());
            assert_eq!(read(&vault, ALICE, "name").await.as_deref(), Some("value"));
            world.pass(&vault, HOUR).await;
            assert!(vault.is_restored());
        }
        let vault = world.vault().await;
        vault.accept_restored().await.unwrap();
        assert!(!vault.is_restored());
        drop(vault);
        assert!(!world.vault().await.is_restored());
    });
}

#[test]
fn a_backup_of_the_hour_before_is_told_too() {
    run(async {
        let mut world = World::new(1);
        let vault = world.vault().await;
        let old = backup(&world.engine).await;
        world.pass(&vault, HOUR).await;
        drop(vault);
        world.engine = old;
        assert!(world.vault().await.is_restored());
    });
}

#[test]
fn a_backup_of_the_minute_before_is_told_if_anything_was_written_since() {
    run(async {
        for writes in [false, true] {
            let mut world = World::new(1);
            let vault = world.vault().await;
            let old = backup(&world.engine).await;
            if writes {
                put(&vault, ALICE, "name", "value").await;
            }
            world.clock.advance(bulla_vault::TICK);
            vault.tick().await.unwrap();
            drop(vault);
            world.engine = old;
            assert_eq!(world.vault().await.is_restored(), writes);
        }
    });
}

/// It opened without a word, and every business had a new identity.
#[test]
fn an_emptied_store_is_refused_until_it_begins_anew() {
    run(async {
        let mut world = World::new(1);
        let vault = world.vault().await;
        put(&vault, ALICE, "name", "value").await;
        vault.close().await.unwrap();
        let generation = vault.generation().await;
        drop(vault);
        let full = std::mem::take(&mut world.engine);
        for _ in 0..2 {
            let error = world.open().await.unwrap_err();
            assert!(matches!(error, VaultError::StoreEmptied { .. }), "{error}");
            let text = error.to_string();
            assert!(
                text.contains("in memory has a store of generation") && text.contains("begin anew"),
                "{text}"
            );
        }
        // Nothing was written by the refusals.
        let empty = std::mem::replace(&mut world.engine, full);
        assert!(matches!(world.begin_anew().await, Err(VaultError::NotEmpty)));
        drop(world.vault().await);

        world.engine = empty;
        let vault = world.begin_anew().await.unwrap();
        assert!(vault.is_restored() && vault.generation().await > generation);
        assert_eq!(read(&vault, ALICE, "name").await, None);
        vault.accept_restored().await.unwrap();
        put(&vault, ALICE, "name", "new").await;
        drop(vault);
        assert!(matches!(world.begin_anew().await, Err(VaultError::NotEmpty)), "once");
        let vault = world.vault().await;
        assert!(!vault.is_restored());
        assert_eq!(read(&vault, ALICE, "name").await.as_deref(), Some("new"));
    });
}

#[test]
fn a_keyring_that_was_made_and_never_used_begins_with_an_empty_store() {
    run(async {
        let world = World::new(1);
        // The keyring is made, and the power fails before the store hears of it.
        let failing = crate::torn_keyring::Torn::new(world.keyring.clone(), bulla_vault::KEYRING_BYTES);
        let (keys, clock, rng) = (world.operator(7), world.clock.clone(), world.rng.clone());
        assert!(bulla_vault::Vault::open(world.engine.clone(), failing, &keys, clock, rng).await.is_err());
        assert_eq!(world.keyring.to_bytes().len(), bulla_vault::KEYRING_BYTES);
        assert!(!world.vault().await.is_restored());
    });
}

/// A journal that was cut in half kept the row of the generation and lost what came after it: message keys
/// were used for two texts each.
#[test]
fn a_store_that_lost_its_last_commits_is_told_although_its_generation_is_there() {
    run(async {
        let mut world = World::new(1);
        let vault = world.vault().await;
        put(&vault, ALICE, "name", "value").await;
        put(&vault, ALICE, "name", "again").await;
        vault.close().await.unwrap();
        drop(vault);
        let own = Key::undated(Space::new(0x50), "generation");
        let last = raw(&world.engine, SYSTEM_PARTITION, &own).await;
        let lost = Engine::default();
        crate::world::plant(&lost, SYSTEM_PARTITION, own.clone(), &last).await;
        assert!(raw(&lost, SYSTEM_PARTITION, &own).await.version < last.version);
        world.engine = lost;
        let vault = world.vault().await;
        assert!(vault.is_restored());
        vault.accept_restored().await.unwrap();
        drop(vault);
        assert!(!world.vault().await.is_restored());
    });
}

/// What is written between the last tick and the end was not covered by any generation.
#[test]
fn a_store_put_back_to_the_moment_before_it_was_closed_is_told() {
    run(async {
        for upkeep_only in [false, true] {
            let mut world = World::new(1);
            let vault = world.vault().await;
            put(&vault, ALICE, "name", "value").await;
            let old = backup(&world.engine).await;
            match upkeep_only {
                // As a relay does that is closed on a store others use.
                true => drop(vault.upkeep().await.unwrap()),
                false => vault.close().await.unwrap(),
            }
            drop(vault);
            assert!(!world.vault().await.is_restored());
            world.engine = old;
            assert!(world.vault().await.is_restored());
        }
    });
}

#[test]
fn an_old_copy_of_the_keyring_is_refused() {
    run(async {
        let mut world = World::new(1);
        drop(world.vault().await);
        let old = MemoryKeyring::from_bytes(world.keyring.to_bytes());
        drop(world.vault().await);
        world.keyring = old;
        let error = world.open().await.unwrap_err();
        assert!(matches!(error, VaultError::KeyringRolledBack { keyring: 1, store: 2, .. }), "{error}");
        assert_eq!(
            error.to_string(),
            "the keyring in memory is of generation 1, the store of 2: an old copy of the keyring was put back; use the newest"
        );
    });
}

#[test]
fn another_keyring_and_none_at_all_are_refused() {
    run(async {
        let (mut world, other) = (World::new(1), World::new(2));
        drop(world.vault().await);
        drop(other.vault().await);
        world.keyring = other.keyring;
        let error = world.open().await.unwrap_err();
        assert!(matches!(error, VaultError::OtherKeyring { .. }), "{error}");
        assert!(error.to_string().contains("check that the keyring and the database belong together"));

        world.keyring = MemoryKeyring::new();
        let error = world.open().await.unwrap_err();
        assert!(matches!(error, VaultError::KeyringMissing { .. }), "{error}");
        assert_eq!(world.keyring.to_bytes().len(), 0, "none was made in its place");
    });
}

#[test]
fn a_second_vault_on_the_store_is_noticed() {
    run(async {
        let world = World::new(1);
        let first = world.vault().await;
        // With a copy of the keyring, so that no lock is in the way.
        let second = World {
            engine: world.engine.clone(),
            keyring: MemoryKeyring::from_bytes(world.keyring.to_bytes()),
            clock: world.clock.clone(),
            rng: Arc::new(bulla_base::SeededRng::new(99)),
        };
        let second = second.vault().await;
        world.clock.advance(HOUR);
        assert!(matches!(first.tick().await, Err(VaultError::InUse)));
        assert!(second.tick().await.is_ok());
    });
}

#[test]
fn a_crash_at_any_step_of_opening_is_no_restore() {
    run(async {
        // One byte of keyring more each time, and the store's commit between the first and the second
        // writing.
        for writes in 0..8 {
            let world = World::new(1);
            drop(world.vault().await);
            let failing = crate::torn_keyring::Torn::new(world.keyring.clone(), writes * 8192 + 100);
            let (keys, clock, rng) = (world.operator(7), world.clock.clone(), world.rng.clone());
            let crashed = bulla_vault::Vault::open(world.engine.clone(), failing, &keys, clock, rng).await;
            assert_eq!(crashed.is_err(), writes < 4, "{writes}");
            drop(crashed);
            let vault = world.vault().await;
            assert!(!vault.is_restored(), "after {writes} writes");
            put(&vault, ALICE, "name", "value").await;
            assert!(
                !raw(&world.engine, SYSTEM_PARTITION, &Key::undated(Space::new(0x50), "generation"))
                    .await
                    .value
                    .is_empty()
            );
        }
    });
}
