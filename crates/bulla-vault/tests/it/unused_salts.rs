//! A conversation's salt ends with the conversation, and never before it.

use std::sync::Arc;

use bulla_base::{Clock, Partition, Timestamp};
use bulla_store::{Batch, Commit, Key, Retention, SYSTEM_PARTITION, Scan, Space, Store};
use bulla_vault::{MAX_SALT_CHECKS, SALT_CHECK_DAYS, Vault};

use crate::races::{Slow, TRIES, give_way, open};
use crate::world::{ALICE, BOB, DAY, Engine, HOUR, NOW, SPACE, World, key, put, read, run};

const VAULT: Space = Space::new(0x50);

/// All that stands in the engine under `partition`, and what the vault noted of it.
async fn traces(engine: &impl Store, partition: Partition) -> usize {
    let mut found = 0;
    for space in (0..=u8::MAX).map(Space::new) {
        let rows = engine.scan(partition, &Scan::everything(space), Timestamp::from_millis(0)).await.unwrap();
        found += rows.len();
    }
    let own =
        engine.scan(SYSTEM_PARTITION, &Scan::everything(VAULT), Timestamp::from_millis(0)).await.unwrap();
    found + own.iter().filter(|(key, _)| key.name().ends_with(partition.as_bytes())).count()
}

async fn delete(vault: &impl Store, partition: Partition, name: &'static str) {
    let mut batch = Batch::new(partition);
    batch.delete(key(name));
    assert!(matches!(vault.commit(batch).await.unwrap(), Commit::Committed(_)));
}

/// Lets days pass as they do for a relay: upkeep, and a sweep.
async fn days(world: &World, vault: &Vault<Engine>, days: u32) {
    for _ in 0..days * 24 {
        world.clock.advance(HOUR);
        vault.upkeep().await.unwrap();
    }
    let oldest = world.clock.now().before(30 * DAY).day().minus(1);
    vault.drop_days_before(oldest).await.unwrap();
}

/// The salts of all who ever wrote stayed for good, with their tags: who had been a customer could be told
/// years later.
#[test]
fn a_conversation_of_which_nothing_is_left_leaves_nothing_behind() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        let until = Retention::LONGEST.from(NOW);
        let mut batch = Batch::new(ALICE);
        batch.put_until(Key::dated(SPACE, NOW.day(), "message"), "value", until);
        batch.put(key("session"), "value");
        assert!(matches!(vault.commit(batch).await.unwrap(), Commit::Committed(_)));
        put(&vault, BOB, "name", "value").await;
        assert_eq!(traces(&world.engine, ALICE).await, 4);
        days(&world, &vault, 40).await;
        assert_eq!(read(&vault, ALICE, "session").await.as_deref(), Some("value"), "a record keeps its salt");
        assert_eq!(traces(&world.engine, ALICE).await, 3);
        delete(&vault, ALICE, "session").await;
        days(&world, &vault, SALT_CHECK_DAYS + 1).await;
        assert_eq!(traces(&world.engine, ALICE).await, 0);
        assert_eq!(read(&vault, BOB, "name").await.as_deref(), Some("value"));

        put(&vault, ALICE, "again", "value").await;
        assert_eq!(traces(&world.engine, ALICE).await, 3);
        drop(vault);
        let vault = world.vault().await;
        assert_eq!(read(&vault, ALICE, "again").await.as_deref(), Some("value"));
        days(&world, &vault, 3 * SALT_CHECK_DAYS).await;
        assert_eq!(read(&vault, ALICE, "again").await.as_deref(), Some("value"));
        assert_eq!(traces(&world.engine, ALICE).await, 3);
    });
}

#[test]
fn an_erased_conversation_leaves_no_note_either() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        for after in [0, SALT_CHECK_DAYS - 1, SALT_CHECK_DAYS, 5 * SALT_CHECK_DAYS] {
            put(&vault, ALICE, "name", "value").await;
            days(&world, &vault, after).await;
            assert_eq!(traces(&world.engine, ALICE).await, 3, "after {after} days");
            vault.erase_partition(ALICE).await.unwrap();
            assert_eq!(traces(&world.engine, ALICE).await, 0, "after {after} days");
        }
    });
}

/// What is due beyond the bound is looked at in the next upkeep; and so is what was due while nothing ran.
#[test]
fn salt_checks_are_made_up_to_the_bound_at_a_time() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        let of = |number: usize| Partition::from_bytes((number as u128 + 1).to_be_bytes());
        for number in 0..=MAX_SALT_CHECKS {
            put(&vault, of(number), "name", "value").await;
            delete(&vault, of(number), "name").await;
        }
        drop(vault);
        world.clock.advance((SALT_CHECK_DAYS + 1) * DAY);
        let vault = world.vault().await;
        let _ = vault.trust_clock().await.unwrap();
        let left = async || {
            let mut left = 0;
            for number in 0..=MAX_SALT_CHECKS {
                left += usize::from(traces(&world.engine, of(number)).await > 0);
            }
            left
        };
        for expected in [MAX_SALT_CHECKS + 1, 1, 0, 0] {
            assert_eq!(left().await, expected);
            vault.upkeep().await.unwrap();
        }
    });
}

/// Somebody writes while it is looked whether anything is left, and does not always wait for the end of it.
#[test]
fn write_made_while_the_salt_goes_is_read() {
    run(async {
        let (mut kept, mut gone) = (0, 0);
        for delay in 0..2 * TRIES {
            for waits in [true, false] {
                let (world, engine) = (World::new(1), Slow::default());
                let vault = open(&world, &engine).await;
                put(&*vault, ALICE, "old", "value").await;
                delete(&*vault, ALICE, "old").await;
                world.clock.advance((SALT_CHECK_DAYS + 1) * DAY);
                let _ = vault.trust_clock().await.unwrap();
                let looking = Arc::clone(&vault);
                let looking = tokio::spawn(async move { looking.upkeep().await.unwrap() });
                give_way(delay).await;
                let writing = Arc::clone(&vault);
                let writing = tokio::spawn(async move { put(&*writing, ALICE, "new", "value").await });
                if waits {
                    writing.await.unwrap();
                } else {
                    give_way(3).await;
                    writing.abort();
                }
                looking.await.unwrap();
                // The engine ends what it was asked for.
                give_way(20).await;
                let stands = engine.engine.get(ALICE, &key("new"), NOW).await.unwrap().is_some();
                assert!(stands || !waits);
                for vault in [Arc::clone(&vault), open(&world, &engine).await] {
                    let found = read(&*vault, ALICE, "new").await;
                    assert_eq!(found.is_some(), stands, "after {delay}, {waits}");
                }
                *if traces(&engine.engine, ALICE).await > 0 { &mut kept } else { &mut gone } += 1;
            }
        }
        assert!(kept > TRIES && gone > 0, "{kept} {gone}");
    });
}

/// Nobody waited for its end: what is written afterwards must not be sealed under the salt that is on its way
/// out.
#[test]
fn salt_check_that_is_cut_short_loses_nothing() {
    run(async {
        for delay in 0..4 * TRIES {
            let (world, engine) = (World::new(1), Slow::default());
            let vault = open(&world, &engine).await;
            put(&*vault, ALICE, "old", "value").await;
            delete(&*vault, ALICE, "old").await;
            world.clock.advance((SALT_CHECK_DAYS + 1) * DAY);
            let _ = vault.trust_clock().await.unwrap();
            let looking = Arc::clone(&vault);
            let looking = tokio::spawn(async move { looking.upkeep().await });
            give_way(delay * 13).await;
            looking.abort();
            put(&*vault, ALICE, "new", "value").await;
            give_way(20).await;
            for vault in [Arc::clone(&vault), open(&world, &engine).await] {
                assert_eq!(read(&*vault, ALICE, "new").await.as_deref(), Some("value"), "after {delay}");
            }
        }
    });
}
