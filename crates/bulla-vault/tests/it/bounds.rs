//! Everything a vault takes, at its bound and one past it.

use bulla_store::{
    Batch, Commit, Key, MAX_BATCH_BYTES, MAX_BATCH_ROWS, MAX_NAME_BYTES, Retention, Store, StoreError,
};
use bulla_vault::{MAX_SEALED_VALUE_BYTES, Vault};

use crate::world::{ALICE, BOB, Engine, NOW, SPACE, World, key, run};

async fn too_large(vault: &Vault<Engine>, batch: Batch, expected: (&str, usize)) {
    match vault.commit(batch).await {
        Err(StoreError::TooLarge { what, actual, limit }) => {
            assert_eq!((what, limit, actual), (expected.0, expected.1, expected.1 + 1));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_are_taken_at_the_bound_and_refused_beyond() {
    run(async {
        let vault = World::new(1).vault().await;
        for hourly in [false, true] {
            let mut batch = Batch::new(ALICE);
            let name = Key::undated(SPACE, vec![1; MAX_NAME_BYTES]);
            let value = vec![0x5a; MAX_SEALED_VALUE_BYTES];
            let expiry = Retention::LONGEST.from(NOW);
            if hourly {
                batch.put_until(name.clone(), value.clone(), expiry)
            } else {
                batch.put(name.clone(), value.clone())
            }
            assert!(matches!(vault.commit(batch.clone()).await.unwrap(), Commit::Committed(_)));
            assert_eq!(vault.get(ALICE, &name, NOW).await.unwrap().unwrap().value, value);
            batch.put(name, vec![0; MAX_SEALED_VALUE_BYTES + 1]);
            too_large(&vault, batch, ("value to be sealed (bytes)", MAX_SEALED_VALUE_BYTES)).await;
        }
    });
}

#[test]
fn batches_are_taken_at_the_bound_and_refused_beyond() {
    run(async {
        let vault = World::new(1).vault().await;
        // On a partition that has no salt yet, whose rows are then not the caller's to pay for.
        for partition in [ALICE, BOB, ALICE] {
            let mut batch = Batch::new(partition);
            for number in 0..MAX_BATCH_ROWS {
                batch.put(Key::undated(SPACE, number.to_be_bytes().to_vec()), &b"value"[..]);
            }
            assert!(matches!(vault.commit(batch.clone()).await.unwrap(), Commit::Committed(_)));
            batch.delete(key("one more"));
            too_large(&vault, batch, ("batch (rows)", MAX_BATCH_ROWS)).await;
        }

        let fresh = bulla_base::Partition::from_bytes([9; 16]);
        let mut batch = Batch::new(fresh);
        let whole = MAX_BATCH_BYTES / (MAX_SEALED_VALUE_BYTES + 73 + 8);
        let row = |number: usize| Key::undated(SPACE, number.to_be_bytes().to_vec());
        for number in 0..whole {
            batch.put(row(number), vec![1; MAX_SEALED_VALUE_BYTES]);
        }
        let left = MAX_BATCH_BYTES - whole * (MAX_SEALED_VALUE_BYTES + 73 + 8) - 73 - 8;
        batch.put(row(whole), vec![1; left]);
        assert!(matches!(vault.commit(batch.clone()).await.unwrap(), Commit::Committed(_)));
        batch.put(row(whole), vec![1; left + 1]);
        too_large(&vault, batch, ("sealed batch (bytes)", MAX_BATCH_BYTES)).await;
    });
}

#[test]
fn the_vaults_own_space_is_refused_and_not_shown() {
    run(async {
        let vault = World::new(1).vault().await;
        crate::world::put(&vault, ALICE, "name", "value").await;
        let own = Key::undated(bulla_store::Space::new(0x50), "salt");
        let mut batches: [Batch; 3] = std::array::from_fn(|_| Batch::new(ALICE));
        batches[0].put(own.clone(), "mine");
        batches[1].delete(own.clone());
        batches[2].expect_absent(own.clone());
        for batch in batches {
            assert!(matches!(vault.commit(batch).await, Err(StoreError::Reserved { space: 0x50 })));
        }
        assert_eq!(vault.get(ALICE, &own, NOW).await.unwrap(), None);
        let scan = bulla_store::Scan::undated(own.space());
        assert_eq!(vault.scan(ALICE, &scan, NOW).await.unwrap(), []);
        assert_eq!(vault.engine().scan(ALICE, &scan, NOW).await.unwrap().len(), 1);
    });
}
