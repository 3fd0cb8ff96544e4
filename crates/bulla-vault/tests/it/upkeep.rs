//! What a vault needs is done by whoever holds it as a store, without knowing that it is one.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::Clock;
use bulla_store::{Fault, Store, StoreError, StoreWrapper, keep_up};
use bulla_vault::{MemoryKeyring, TICK, Vault, VaultError};

use crate::world::{ALICE, Engine, HOUR, NOW, World, put, put_for, read, run, said};

/// An engine that wants upkeep of its own, and says that it was put back. Particular to these tests: nothing
/// fails in it.
#[derive(Clone)]
struct Needy(Engine, Duration);

impl StoreWrapper for Needy {
    type Inner = Engine;

    fn inner(&self) -> &Engine {
        &self.0
    }

    async fn pass_upkeep(&self) -> Result<Option<Duration>, StoreError> {
        Ok(Some(self.1))
    }

    async fn pass_restored(&self) -> Option<bulla_store::Generation> {
        Some(bulla_store::Generation::new(1))
    }
}

/// The relay, the device and the carrier know a store and call its upkeep. A vault nobody ticked never
/// forgot.
#[test]
fn a_vault_that_is_kept_up_as_any_store_forgets() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        put_for(&vault, ALICE, "hourly", "value", NOW, HOUR).await;
        for _ in 0..119 {
            world.clock.advance(TICK);
            assert_eq!(vault.upkeep().await.unwrap(), Some(TICK));
        }
        let kept = MemoryKeyring::from_bytes(world.keyring.to_bytes());
        assert_eq!(read(&vault, ALICE, "hourly").await, None);
        // Nor with the keyring as it lies on the disk.
        drop(vault);
        let again = World { keyring: kept, ..world };
        assert_eq!(read(&again.vault().await, ALICE, "hourly").await, None);
    });
}

#[test]
fn store_beneath_a_vault_is_kept_up_too() {
    run(async {
        for (wanted, expected) in [(TICK / 4, TICK / 4), (10 * TICK, TICK)] {
            let world = World::new(1);
            let (keys, clock, rng) = (world.operator(7), world.clock.clone(), world.rng.clone());
            let engine = Needy(world.engine.clone(), wanted);
            let vault = Vault::open(engine, world.keyring.clone(), &keys, clock, rng).await.unwrap();
            assert_eq!(vault.upkeep().await.unwrap(), Some(expected));
            assert!(vault.is_restored(), "what the engine knows counts");
            let generation = vault.restored().await.unwrap();
            vault.accept_restored().await.unwrap();
            assert_eq!(vault.restored().await, None);
            assert!(vault.generation().await > generation);
        }
    });
}

#[test]
fn upkeep_ends_when_another_vault_has_opened_the_store() {
    run(async {
        let world = World::new(1);
        let first = world.vault().await;
        let keyring = MemoryKeyring::from_bytes(world.keyring.to_bytes());
        let rng = Arc::new(bulla_base::SeededRng::new(99));
        let second = World { keyring, rng, engine: world.engine.clone(), clock: world.clock.clone() };
        let second = second.vault().await;
        world.clock.advance(HOUR);
        let error = keep_up(&first, &*world.clock).await.unwrap_err();
        assert!(matches!(said(&error), VaultError::InUse) && error.is_final(), "{error}");
        let before = world.clock.now();
        second.upkeep().await.unwrap();
        assert_eq!(world.clock.now(), before);
    });
}

#[test]
fn a_keyring_that_cannot_be_written_may_be_tried_again() {
    run(async {
        let world = World::new(1);
        drop(world.vault().await);
        let full =
            crate::torn_keyring::Torn::new(world.keyring.clone(), 2 * bulla_vault::KEYRING_BYTES + 100);
        let (keys, clock, rng) = (world.operator(7), world.clock.clone(), world.rng.clone());
        let vault = Vault::open(world.engine.clone(), full, &keys, clock, rng).await.unwrap();
        put(&vault, ALICE, "name", "value").await;
        let error = vault.upkeep().await.unwrap_err();
        assert!(matches!(error, StoreError::Wrapper { fault: Fault::Unavailable, .. }), "{error}");
        assert!(matches!(said(&error), VaultError::Keyring(_)) && !error.is_final(), "{error}");
        assert_eq!(read(&vault, ALICE, "name").await.as_deref(), Some("value"));
    });
}
