//! One conversation is forgotten, the others are not. What happens when somebody writes meanwhile is told in
//! `races`.

use bulla_store::{Batch, Commit, Key, Record, SYSTEM_PARTITION, Scan, Space, Store};
use bulla_vault::Vault;

use crate::world::{
    ALICE, BOB, DAY, Engine, NOW, SPACE, World, does_not_open, key, plant, put, put_for, raw, read, run,
    try_read,
};

#[test]
fn an_erased_partition_is_gone_and_the_others_stay() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        for partition in [ALICE, BOB] {
            put(&vault, partition, "lasting", "value").await;
            put_for(&vault, partition, "hourly", "value", NOW, DAY).await;
        }
        assert!(read(&vault, ALICE, "lasting").await.is_some());
        assert_eq!(vault.erase_partition(ALICE).await.unwrap(), 2);
        assert_eq!(read(&vault, ALICE, "lasting").await, None);
        assert_eq!(read(&vault, ALICE, "hourly").await, None);
        assert_eq!(vault.scan(ALICE, &Scan::undated(SPACE), NOW).await.unwrap(), []);
        assert_eq!(vault.erase_partition(ALICE).await.unwrap(), 0, "nothing is left to remove");
        assert!(read(&vault, BOB, "lasting").await.is_some() && read(&vault, BOB, "hourly").await.is_some());
        // Also for a vault that has nothing in memory.
        drop(vault);
        let vault = world.vault().await;
        assert_eq!(read(&vault, ALICE, "lasting").await, None);
        assert!(read(&vault, BOB, "lasting").await.is_some());
    });
}

#[test]
fn record_written_after_an_erasure_is_read_and_one_from_before_is_not() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        put(&vault, ALICE, "old", "value").await;
        vault.erase_partition(ALICE).await.unwrap();
        put(&vault, ALICE, "new", "value").await;
        assert_eq!(read(&vault, ALICE, "old").await, None);
        assert_eq!(read(&vault, ALICE, "new").await.as_deref(), Some("value"));

        // Nothing is left that could count as a record.
        let mut guarded = Batch::new(ALICE);
        guarded.expect_absent(key("old"));
        assert!(matches!(vault.commit(guarded).await.unwrap(), Commit::Committed(_)));
        let left = vault.engine().scan(ALICE, &Scan::undated(SPACE), NOW).await.unwrap();
        assert_eq!(left.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), [key("new")]);
        assert_eq!(read(&vault, ALICE, "new").await.as_deref(), Some("value"));
    });
}

/// What an engine kept of an erased conversation, or a copy brought back, is older than the salt that the
/// conversation has since.
#[test]
fn a_row_left_from_before_the_erasure_is_gone_and_a_damaged_one_of_now_is_an_error() {
    run(async {
        for value in ["value", ""] {
            let world = World::new(1);
            let vault = world.vault().await;
            put(&vault, ALICE, "old", value).await;
            let old = raw(&world.engine, ALICE, &key("old")).await;
            vault.erase_partition(ALICE).await.unwrap();
            plant(&world.engine, ALICE, key("old"), &old).await;
            assert_eq!(read(&vault, ALICE, "old").await, None, "there is no salt");
            put(&vault, ALICE, "new", value).await;
            let new = raw(&world.engine, ALICE, &key("new")).await;
            let names = async |vault: &Vault<Engine>| {
                let rows = vault.scan(ALICE, &Scan::undated(SPACE), NOW).await.unwrap();
                rows.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
            };
            assert_eq!(read(&vault, ALICE, "old").await, None);
            assert_eq!(names(&vault).await, [key("new")]);
            // The salt's version is also known to a vault that read it.
            drop(vault);
            let vault = world.vault().await;
            assert_eq!(names(&vault).await, [key("new")]);

            let mut damaged = new.value.to_vec();
            damaged[10] ^= 1;
            let damaged = Record::new(new.version, None, damaged.into());
            for (row, what) in [(&damaged, "damaged"), (&old, "sealed with a salt that was destroyed")] {
                plant(&world.engine, ALICE, key("new"), row).await;
                let error = try_read(&vault, ALICE, "new").await.unwrap_err();
                assert!(does_not_open(&error, "record"), "{what}: {error}");
            }
        }
    });
}

/// Versions tell why a record does not open, not whether it is tried: a copy that gave the records others is
/// read all the same.
#[test]
fn a_store_that_was_copied_row_by_row_is_read_whatever_came_first() {
    run(async {
        let mut world = World::new(1);
        let vault = world.vault().await;
        put(&vault, ALICE, "name", "value").await;
        let (salt, generation) =
            (Key::undated(Space::new(0x50), "salt"), Key::undated(Space::new(0x50), "generation"));
        let rows = [(ALICE, key("name")), (ALICE, salt), (SYSTEM_PARTITION, generation)];
        for rows in [rows.clone(), {
            let [first, second, third] = rows;
            [third, second, first]
        }] {
            let copy = Engine::default();
            for (partition, key) in rows {
                let row = raw(vault.engine(), partition, &key).await;
                plant(&copy, partition, key, &row).await;
            }
            world.engine = copy;
            assert_eq!(read(&world.vault().await, ALICE, "name").await.as_deref(), Some("value"));
        }
    });
}

#[test]
fn erasing_what_is_not_there_is_no_error() {
    run(async {
        let vault = World::new(1).vault().await;
        vault.erase_partition(ALICE).await.unwrap();
        vault.erase_partition(ALICE).await.unwrap();
        put(&vault, ALICE, "name", "value").await;
        assert_eq!(read(&vault, ALICE, "name").await.as_deref(), Some("value"));
    });
}

/// The salt row of one partition put in the place of another's does not make the other's records look erased.
#[test]
fn a_swapped_salt_is_an_error() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        put(&vault, ALICE, "name", "value").await;
        put(&vault, BOB, "name", "value").await;
        drop(vault);
        let salt = Key::undated(Space::new(0x50), "salt");
        let bobs = raw(&world.engine, BOB, &salt).await;
        plant(&world.engine, ALICE, salt, &bobs).await;
        let vault = world.vault().await;
        let error = try_read(&vault, ALICE, "name").await.unwrap_err();
        assert!(does_not_open(&error, "conversation's salt"), "{error}");
        let mut batch = Batch::new(ALICE);
        batch.put(key("name"), "again");
        assert!(does_not_open(&vault.commit(batch).await.unwrap_err(), "conversation's salt"));
    });
}
