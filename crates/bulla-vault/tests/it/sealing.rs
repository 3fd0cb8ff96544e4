//! What lies in the engine.

use bulla_base::{Rng, SeededRng, Timestamp};
use bulla_store::{CountingStore, Key, MAX_SCAN_ROWS, Record, Retention, Scan, Space, Store};
use bulla_vault::Vault;
use bytes::Bytes;

use crate::world::{
    ALICE, BOB, DAY, HOUR, NOW, SPACE, World, does_not_open, key, plant, put, put_for, raw, read, run,
    try_read,
};

const TEXT: &str = "sixteen bytes of text nobody else may ever see";

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn engine_holds_neither_values_nor_keys() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        put(&vault, ALICE, "lasting", TEXT).await;
        put_for(&vault, ALICE, "hourly", TEXT, NOW, DAY).await;
        let (lasting, hourly) = (
            raw(&world.engine, ALICE, &key("lasting")).await,
            raw(&world.engine, ALICE, &key("hourly")).await,
        );

        let keyring = world.keyring.to_bytes();
        let own = [Key::undated(Space::new(0x50), "salt")];
        let mut everything = vec![lasting.value, hourly.value, Bytes::from(keyring)];
        for key in own {
            everything.push(raw(&world.engine, ALICE, &key).await.value);
        }
        let mut secrets: Vec<Vec<u8>> = TEXT.as_bytes().windows(16).map(<[u8]>::to_vec).collect();
        // The operator's key; and all that was drawn from the generator, one block each time, of which what
        // is no secret is at most the first sixteen bytes.
        secrets.push(vec![7; 16]);
        let drawn = SeededRng::new(1);
        for _ in 0..64 {
            let mut block = [0; 32];
            drawn.fill(&mut block);
            secrets.push(block[16..].to_vec());
        }
        for secret in secrets {
            assert!(everything.iter().all(|bytes| !holds(bytes, &secret)));
        }
        assert_eq!(read(&vault, ALICE, "lasting").await.as_deref(), Some(TEXT));
        assert_eq!(read(&vault, ALICE, "hourly").await.as_deref(), Some(TEXT));
    });
}

/// Alice's records in every form, and the first byte, the head's length and the whole length of each.
const FORMS: [(&str, &str, u8, usize, usize); 6] = [
    ("lasting", TEXT, 2, 1, TEXT.len() + 49),
    ("hourly", TEXT, 3, 3, TEXT.len() + 51),
    ("elsewhen", TEXT, 4, 7, TEXT.len() + 55),
    ("lasting and empty", "", 0x82, 1, 17),
    ("hourly and empty", "", 0x83, 3, 19),
    ("elsewhen and empty", "", 0x84, 7, 23),
];

async fn put_every_form(vault: &impl Store) {
    for (name, value, form, ..) in FORMS {
        match form & 0x7f {
            2 => put(vault, ALICE, name, value).await,
            3 => put_for(vault, ALICE, name, value, NOW, DAY).await,
            // Its hour is over.
            _ => put_for(vault, ALICE, name, value, NOW.before(DAY), DAY / 2).await,
        }
    }
}

#[test]
fn every_form_is_as_long_as_its_page_says_and_opens() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        put_every_form(&vault).await;
        for (name, value, form, _, length) in FORMS {
            let row = raw(&world.engine, ALICE, &key(name)).await.value;
            assert_eq!((row[0], row.len()), (form, length), "{name}");
            assert_eq!(read(&vault, ALICE, name).await.as_deref(), Some(value), "{name}");
        }
        // As does what is too far ahead.
        put_for(&vault, ALICE, "ahead", TEXT, NOW.after(DAY), 30 * DAY).await;
        assert_eq!(raw(&world.engine, ALICE, &key("ahead")).await.value[0], 4);
        assert_eq!(read(&vault, ALICE, "ahead").await.as_deref(), Some(TEXT));
    });
}

#[test]
fn a_record_opens_nowhere_but_where_it_was_put() {
    run(async {
        for value in ["value", ""] {
            let world = World::new(1);
            let vault = world.vault().await;
            for (partition, name) in [(ALICE, "one"), (ALICE, "two"), (BOB, "one")] {
                put(&vault, partition, name, value).await;
            }
            put_for(&vault, ALICE, "hourly", value, NOW, DAY).await;
            let record = raw(&world.engine, ALICE, &key("one")).await;
            let refused = async |partition, key: Key| {
                plant(&world.engine, partition, key.clone(), &record).await;
                let error = vault.get(partition, &key, NOW).await.unwrap_err();
                assert!(does_not_open(&error, "record"), "{key:?}: {error}");
            };
            refused(ALICE, key("two")).await;
            refused(ALICE, Key::undated(Space::new(8), "one")).await;
            refused(ALICE, Key::dated(SPACE, NOW.day(), "one")).await;
            refused(BOB, key("one")).await;

            // An expiry that was put off by less than the hour or by more, or taken away.
            let hourly = raw(&world.engine, ALICE, &key("hourly")).await;
            let later = |span| Some(Retention::new(DAY).unwrap().from(NOW.after(span)));
            for expiry in [None, later(HOUR / 3600), later(HOUR), Some(Retention::LONGEST.from(NOW))] {
                let moved = Record::new(hourly.version, expiry, hourly.value.clone());
                plant(&world.engine, ALICE, key("hourly"), &moved).await;
                assert!(does_not_open(&try_read(&vault, ALICE, "hourly").await.unwrap_err(), "record"));
            }
            plant(&world.engine, ALICE, key("hourly"), &hourly).await;
            assert_eq!(read(&vault, ALICE, "hourly").await.as_deref(), Some(value));
        }
    });
}

#[test]
fn a_record_that_was_changed_is_never_returned() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        put_every_form(&vault).await;
        for (name, _, _, head_bytes, _) in FORMS {
            let record = raw(&world.engine, ALICE, &key(name)).await;
            let changed = async |value: Vec<u8>| {
                let changed = Record::new(record.version, record.expiry, value.into());
                plant(&world.engine, ALICE, key(name), &changed).await;
                try_read(&vault, ALICE, name).await
            };
            for at in 0..record.value.len() * 8 {
                let mut value = record.value.to_vec();
                value[at / 8] ^= 1 << (at % 8);
                match changed(value).await {
                    Err(error) if error.is_of_a_record() => {}
                    // The epoch and the hour: it looks over.
                    Ok(None) if (1..head_bytes).contains(&(at / 8)) => {}
                    other => panic!("bit {at} of {name}: {other:?}"),
                }
            }
            for length in 0..record.value.len() {
                assert!(changed(record.value[..length].to_vec()).await.is_err(), "{length} bytes of {name}");
            }
            assert!(changed([&record.value[..], &[0]].concat()).await.is_err(), "{name}");
        }
    });
}

#[test]
fn empty_values_and_others_cannot_be_made_of_each_other() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        put_for(&vault, ALICE, "name", "", NOW, DAY).await;
        let empty = raw(&world.engine, ALICE, &key("name")).await;
        put_for(&vault, ALICE, "name", TEXT, NOW, DAY).await;
        let full = raw(&world.engine, ALICE, &key("name")).await;
        let proofs =
            full.value[3..].windows(16).map(|proof| [&[0x83][..], &full.value[1..3], proof].concat());
        let proof = &empty.value[3..];
        let bodies = [
            [proof, &[0; 16], &[0; 16]].concat(),
            [&[0; 16], proof, &[0; 16]].concat(),
            [proof, proof, proof].concat(),
            [&full.value[3..35], proof].concat(),
            [proof, &full.value[19..]].concat(),
        ];
        let fulls = bodies.map(|body| [&full.value[..3], &body].concat());
        for value in proofs.chain(fulls) {
            let made = Record::new(full.version, full.expiry, value.clone().into());
            plant(&world.engine, ALICE, key("name"), &made).await;
            assert!(
                does_not_open(&try_read(&vault, ALICE, "name").await.unwrap_err(), "record"),
                "{value:?}"
            );
        }
    });
}

#[test]
fn the_same_is_sealed_differently_every_time() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        let mut batch = bulla_store::Batch::new(ALICE);
        for name in ["one", "two"] {
            batch.put_until(key(name), TEXT, Retention::LONGEST.from(NOW));
        }
        let rows = async || {
            assert!(matches!(vault.commit(batch.clone()).await.unwrap(), bulla_store::Commit::Committed(_)));
            [raw(&world.engine, ALICE, &key("one")).await, raw(&world.engine, ALICE, &key("two")).await]
                .map(|row| row.value)
        };
        let (first, again) = (rows().await, rows().await);
        // Of one batch the salt is the same, and nothing after it: neither commitment nor ciphertext nor tag.
        let parts = [19..35, 35..35 + TEXT.len(), 35 + TEXT.len()..51 + TEXT.len()];
        for [one, two] in [&first, &again] {
            assert_eq!(one[..19], two[..19]);
            for part in parts.clone() {
                assert_ne!(one[part.clone()], two[part]);
            }
        }
        for (first, again) in first.iter().zip(&again) {
            assert_eq!(first[..3], again[..3]);
            assert_ne!(first[3..19], again[3..19]);
            for part in parts.clone() {
                assert_ne!(first[part.clone()], again[part]);
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
fn a_page_that_is_not_full_is_the_last_and_scanned_for_once() {
    run(async {
        let world = World::new(1);
        let (keys, clock, rng) = (world.operator(7), world.clock.clone(), world.rng.clone());
        let engine = CountingStore::new(world.engine.clone());
        let counts = engine.counts();
        let vault = Vault::open(engine, world.keyring.clone(), &keys, clock, rng).await.unwrap();
        for name in ["one", "two"] {
            put(&vault, ALICE, name, "value").await;
        }
        drop(counts.take());
        assert_eq!(vault.scan(ALICE, &Scan::undated(SPACE), NOW).await.unwrap().len(), 2);
        assert_eq!(counts.take().scans.values().sum::<usize>(), 1);
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
fn secrets_do_not_print() {
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
