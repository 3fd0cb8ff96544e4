//! The port's own suite, whole, on vaults.

use std::error::Error;

use bulla_store::{MemoryStore, Store, conformance};
use bulla_store_fjall::{FjallOptions, FjallStore};
use bulla_vault::{FileKeyring, MemoryKeyring, Vault};

use crate::world::{World, run};

async fn over<S: Store>(engine: S) -> Vault<S> {
    let world = World::new(1);
    let keys = world.operator(1);
    Vault::open(engine, MemoryKeyring::new(), &keys, world.clock.clone(), world.rng.clone()).await.unwrap()
}

#[test]
fn a_vault_in_memory_keeps_every_rule() {
    run(conformance::all(async || over(MemoryStore::new()).await));
}

#[test]
fn a_vault_on_disk_keeps_every_rule() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let opened = std::cell::Cell::new(0);
        conformance::all(async || {
            opened.set(opened.get() + 1);
            let folder = folder.path().join(opened.get().to_string());
            over(FjallStore::open(folder, FjallOptions::default()).unwrap()).await
        })
        .await;
    });
}

fn steps(world: &World) -> Vec<[u8; 64]> {
    let step = || {
        let mut bytes = [0; 64];
        bulla_base::Rng::fill(&*world.rng, &mut bytes);
        bytes
    };
    std::iter::repeat_with(step).take(60).collect()
}

#[test]
fn a_vault_in_memory_that_is_opened_again_answers_as_the_model_does() {
    run(async {
        for seed in 0..24 {
            let world = World::new(seed);
            let steps = steps(&world);
            let reopen = async |vault| {
                // Nothing but the engine and the keyring is left.
                drop(vault);
                world.vault().await
            };
            conformance::walk(world.vault().await, reopen, &steps).await;
        }
    });
}

#[test]
fn a_vault_on_disk_that_is_opened_again_answers_as_the_model_does() {
    run(async {
        for seed in 0..6 {
            let (folder, world) = (tempfile::tempdir().unwrap(), World::new(seed));
            let steps = steps(&world);
            let open = async || {
                let engine = FjallStore::open(folder.path().join("store"), FjallOptions::default()).unwrap();
                let keyring = FileKeyring::open(folder.path().join("keyring")).unwrap();
                let keys = world.operator(7);
                Vault::open(engine, keyring, &keys, world.clock.clone(), world.rng.clone()).await.unwrap()
            };
            let reopen = async |vault| {
                drop(vault);
                open().await
            };
            conformance::walk(open().await, reopen, &steps).await;
        }
    });
}

/// Two vaults over one another would keep their own rows in the same place.
#[test]
fn a_vault_over_a_vault_is_refused() {
    run(async {
        let (inner, world) = (over(MemoryStore::new()).await, World::new(2));
        let keys = world.operator(2);
        let outer =
            Vault::open(inner, MemoryKeyring::new(), &keys, world.clock.clone(), world.rng.clone()).await;
        let error = outer.unwrap_err().source().unwrap().source().unwrap().to_string();
        assert_eq!(error, "space 80 is reserved for keys");
    });
}
