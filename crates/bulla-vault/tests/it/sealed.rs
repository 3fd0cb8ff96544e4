//! What lies in the engine.

use bulla_base::{Rng, SeededRng, Timestamp};
use bulla_store::{Key, MAX_SCAN_ROWS, Record, Retention, Scan, Space, Store, StoreError};
use bytes::Bytes;

use crate::world::{ALICE, BOB, DAY, NOW, SPACE, World, key, plant, put, put_for, raw, read, run, try_read};

const TEXT: &str = "sixteen bytes of text nobody else may ever see";

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn neither_values_nor_keys_lie_in_the_engine() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        put(&vault, ALICE, "lasting", TEXT).await;
        put_for(&vault, ALICE, "hourly", TEXT, NOW, DAY).await;
        let (lasting, hourly) = (
            raw(&world.engine, ALICE, &key("lasting")).await,
            raw(&world.engine, ALICE, &key("hourly")).await,
        );
        assert_eq!(lasting.value.len(), TEXT.len() + 73);
        assert_eq!(hourly.value.len(), TEXT.len() + 79);
        assert_eq!((lasting.value[0], hourly.value[0]), (2, 3));

        let keyring = world.keyring.to_bytes();
        let own = [Key::undated(Space::new(0x50), "salt")];
        let mut everything = vec![lasting.value, hourly.value, Bytes::from(keyring)];
        for key in own {
            everything.push(raw(&world.engine, ALICE, &key).await.value);
        }
        let mut secrets: Vec<Vec<u8>> = TEXT.as_bytes().windows(16).map(<[u8]>::to_vec).collect();
        // The operator's key; and all that was drawn from the generator, one block each time, of which what is no secret is at most the first
        // twenty bytes.
        secrets.push(vec![7; 16]);
        let drawn = SeededRng::new(1);
        for _ in 0..64 {
            let mut block = [0; 32];
            drawn.fill(&mut block);
            secrets.push(block[20..].to_vec());
        }
        for secret in secrets {
            assert!(everything.iter().all(|bytes| !holds(bytes, &secret)));
        }
        assert_eq!(read(&vault, ALICE, "lasting").await.as_deref(), Some(TEXT));
        assert_eq!(read(&vault, ALICE, "hourly").await.as_deref(), Some(TEXT));
    });
}

#[test]
fn a_record_opens_nowhere_but_where_it_was_put() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        for (partition, name) in [(ALICE, "one"), (ALICE, "two"), (BOB, "one")] {
            put(&vault, partition, name, "value").await;
        }
        put_for(&vault, ALICE, "hourly", "value", NOW, DAY).await;
        let record = raw(&world.engine, ALICE, &key("one")).await;

        plant(&world.engine, ALICE, key("two"), &record).await;
        assert!(matches!(try_read(&vault, ALICE, "two").await, Err(StoreError::Sealed { what: "record" })));
        plant(&world.engine, ALICE, Key::undated(Space::new(8), "one"), &record).await;
        let other_space = vault.get(ALICE, &Key::undated(Space::new(8), "one"), NOW).await;
        assert!(matches!(other_space, Err(StoreError::Sealed { .. })));
        let dated = Key::dated(SPACE, NOW.day(), "one");
        plant(&world.engine, ALICE, dated.clone(), &record).await;
        assert!(matches!(vault.get(ALICE, &dated, NOW).await, Err(StoreError::Sealed { .. })));
        // Another partition has another salt, so to it the record looks erased.
        plant(&world.engine, BOB, key("one"), &record).await;
        assert_eq!(read(&vault, BOB, "one").await, None);

        // An expiry that was put off or taken away.
        let hourly = raw(&world.engine, ALICE, &key("hourly")).await;
        for expiry in [None, Some(Retention::LONGEST.from(NOW))] {
            plant(
                &world.engine,
                ALICE,
                key("hourly"),
                &Record::new(hourly.version, expiry, hourly.value.clone()),
            )
            .await;
            assert!(matches!(try_read(&vault, ALICE, "hourly").await, Err(StoreError::Sealed { .. })));
        }
        plant(&world.engine, ALICE, key("hourly"), &hourly).await;
        assert_eq!(read(&vault, ALICE, "hourly").await.as_deref(), Some("value"));
    });
}

#[test]
fn a_record_that_was_changed_is_never_returned() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        put(&vault, ALICE, "lasting", "value").await;
        put_for(&vault, ALICE, "hourly", "value", NOW, DAY).await;
        for name in ["lasting", "hourly"] {
            let record = raw(&world.engine, ALICE, &key(name)).await;
            for at in 0..record.value.len() {
                for bit in [1, 0x80] {
                    let mut value = record.value.to_vec();
                    value[at] ^= bit;
                    let changed = Record::new(record.version, record.expiry, value.into());
                    plant(&world.engine, ALICE, key(name), &changed).await;
                    match try_read(&vault, ALICE, name).await {
                        Err(StoreError::Sealed { .. } | StoreError::Damaged { .. }) => {}
                        // The salt's name, the era and the hour: it looks erased or over.
                        Ok(None) if (1..11).contains(&at) => {}
                        other => panic!("byte {at} of {name}: {other:?}"),
                    }
                }
            }
            for length in [0, 1, 4, 11, 30, record.value.len() - 1] {
                let cut = Record::new(record.version, record.expiry, record.value.slice(..length));
                plant(&world.engine, ALICE, key(name), &cut).await;
                assert!(try_read(&vault, ALICE, name).await.is_err(), "{length} bytes of {name}");
            }
        }
    });
}

/// The limit the page states: the vault does not remember what it sealed last under a key.
#[test]
fn an_older_value_of_the_same_key_is_not_noticed() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        put(&vault, ALICE, "name", "old").await;
        let old = raw(&world.engine, ALICE, &key("name")).await;
        put(&vault, ALICE, "name", "new").await;
        plant(&world.engine, ALICE, key("name"), &old).await;
        assert_eq!(read(&vault, ALICE, "name").await.as_deref(), Some("old"));
    });
}

#[test]
fn a_page_is_full_although_some_of_it_is_gone() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        let row = |number: u32| Key::undated(SPACE, number.to_be_bytes().to_vec());
        for numbers in [0..3000, 3000..6000_u32] {
            let mut batch = bulla_store::Batch::new(ALICE);
            for number in numbers {
                if number % 3 == 0 {
                    batch.put(row(number), "stays");
                } else {
                    batch.put_until(row(number), "goes", Retention::new(DAY / 24).unwrap().from(NOW));
                }
            }
            assert!(matches!(vault.commit(batch).await.unwrap(), bulla_store::Commit::Committed(_)));
        }
        world.pass(&vault, DAY / 12).await;
        // The engine is told that nothing has expired; the keys are gone all the same.
        let at = Timestamp::from_millis(0);
        let all = vault.scan(ALICE, &Scan::undated(SPACE), at).await.unwrap();
        assert_eq!(all.len(), 2000);
        let page = vault
            .scan(ALICE, &Scan::undated(SPACE).limit(MAX_SCAN_ROWS / 4).after(row(300)), at)
            .await
            .unwrap();
        assert_eq!(page.len(), MAX_SCAN_ROWS / 4);
        assert_eq!(page.first().unwrap().0, row(303));
        assert!(vault.scan(ALICE, &Scan::undated(SPACE).limit(0), at).await.unwrap().is_empty());
    });
}

#[test]
fn nothing_secret_prints() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        assert!(format!("{vault:?}").ends_with(", .. }"));
        assert!(!format!("{vault:?}").contains("lasting"));
        assert_eq!(format!("{:?}", world.operator(7)), "OperatorKey(…)");
        assert_eq!(format!("{:?}", bulla_vault::KeyringKey::from_bytes([7; 32])), "KeyringKey(…)");
        assert_eq!(format!("{:?}", world.keyring), "MemoryKeyring(16384 bytes)");
        let passphrase = bulla_vault::Passphrase::new("correct horse", world.rng.clone());
        assert_eq!(
            format!("{passphrase:?}"),
            "Passphrase(…, PassphraseCost { kib: 65536, passes: 3, lanes: 4 })"
        );
    });
}
