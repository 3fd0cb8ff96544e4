//! Whatever fits the port fits the vault, sealed in its longest form; what is the vault's own does not.

use bulla_store::{
    Batch, Commit, Fault, Key, MAX_BATCH_BYTES, MAX_BATCH_ROWS, MAX_NAME_BYTES, MAX_VALUE_BYTES, Retention,
    Store, StoreError,
};

use bulla_vault::VaultError;

use crate::world::{ALICE, BOB, NOW, SPACE, World, run, said};

/// The rules of the port take values at its bounds too, but put none of them with an expiry, which makes the
/// sealed form longer.
#[test]
fn batches_at_every_bound_are_sealed_for_an_hour() {
    run(async {
        let (world, expiry) = (World::new(1), Retention::LONGEST.from(NOW));
        let vault = world.vault().await;
        let row = |number: usize| Key::undated(SPACE, number.to_be_bytes().to_vec());
        // The first batch on a partition brings its salt along.
        for partition in [ALICE, BOB, ALICE] {
            let mut longest = Batch::new(partition);
            let name = Key::undated(SPACE, vec![1; MAX_NAME_BYTES]);
            longest.put_until(name.clone(), vec![0x5a; MAX_VALUE_BYTES], expiry);
            let mut most_rows = Batch::new(partition);
            (0..MAX_BATCH_ROWS).for_each(|number| most_rows.put_until(row(number), &b"value"[..], expiry));
            let mut most_bytes = Batch::new(partition);
            let each = MAX_BATCH_BYTES / MAX_BATCH_ROWS - size_of::<usize>();
            (0..MAX_BATCH_ROWS).for_each(|number| most_bytes.put_until(row(number), vec![1; each], expiry));
            assert_eq!(most_bytes.bytes(), MAX_BATCH_BYTES);
            let mut batches = [most_bytes, most_rows, longest];
            // Another one first.
            batches.rotate_left(usize::from(partition == BOB));
            for batch in batches {
                assert!(matches!(vault.commit(batch).await.unwrap(), Commit::Committed(_)));
            }
            let read = vault.get(partition, &name, NOW).await.unwrap().unwrap();
            assert_eq!(read.value, vec![0x5a; MAX_VALUE_BYTES]);
        }
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
            let error = vault.commit(batch).await.unwrap_err();
            assert!(matches!(error, StoreError::Wrapper { fault: Fault::Request, .. }), "{error}");
            assert!(matches!(said(&error), VaultError::Reserved { space: 0x50 }), "{error}");
        }
        assert_eq!(vault.get(ALICE, &own, NOW).await.unwrap(), None);
        let scan = bulla_store::Scan::undated(own.space());
        assert_eq!(vault.scan(ALICE, &scan, NOW).await.unwrap(), []);
        assert_eq!(vault.engine().scan(ALICE, &scan, NOW).await.unwrap().len(), 1);
    });
}
