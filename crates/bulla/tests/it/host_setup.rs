//! The production setup: that the front page's program is as short as it says, and that what it does holds.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bulla::base::{BusinessAccountId, ManualClock, Number, Partition, PhoneNumberId, SeededRng, Timestamp};
use bulla::content::{Content, Text};
use bulla::device::DeviceEventKind;
use bulla::relay::{Business, EventSink, Outgoing, OutgoingBody, SinkError};
use bulla::store::{Batch, BoxStore, Commit, Key, Space, Store};
use bulla::transport::{BoxTransport, InProcess};
use bulla::vault::{KeyEncryptionError, VaultError};
use bulla::{Host, OpenStoreError};
use tempfile::TempDir;

use crate::test_types::any_sink;

const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);
const ALICE: Partition = Partition::from_bytes([0xa1; 16]);
const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);

/// Takes everything.
struct Taken;

impl EventSink for Taken {
    async fn forward(&self, _: &bulla::relay::Event) -> Result<(), SinkError> {
        Ok(())
    }
}

/// A folder for the records and one for the keys.
fn folders() -> (TempDir, TempDir) {
    (TempDir::new().unwrap(), TempDir::new().unwrap())
}

#[test]
fn the_front_page_is_a_host_of_at_most_sixty_lines_two_crates_and_a_dozen_names() {
    let page = include_str!("../../README.md");
    let program = page.split("```rust,no_run\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(program.contains("fn main()"));
    assert!(program.lines().count() <= 60, "{} lines", program.lines().count());
    assert!(program.lines().all(|line| !line.starts_with("# ")), "nothing is hidden");

    let (mut crates, mut names) = (BTreeSet::new(), BTreeSet::new());
    for imported in program.lines().filter_map(|line| line.strip_prefix("use ")) {
        let (path, last) = imported.trim_end_matches(';').rsplit_once("::").unwrap();
        crates.insert(path.split("::").next().unwrap());
        names.extend(last.trim_matches(['{', '}']).split(", "));
    }
    assert_eq!(crates.into_iter().collect::<Vec<_>>(), ["bulla", "tokio"]);
    assert!((8..=12).contains(&names.len()), "{names:?}");
}

#[tokio::test]
async fn what_is_said_before_a_shutdown_is_there_after_the_next_start() {
    let (data, keys) = folders();
    let alice = Number::parse("16505551234").unwrap();
    let text = Text::new("your order is on its way").unwrap();
    for start in ["first", "second"] {
        let host = Host::new();
        let open = async |name| host.open_store(name, &data, &keys).await.unwrap();
        let (relay_store, carrier_store) = (open("relay").await, open("carrier").await);
        let carrier = host.open_carrier(BoxStore::new(carrier_store.clone())).await.unwrap();
        let shop = Business::new(SHOP, BusinessAccountId::new(1), Number::parse("15550783881").unwrap());
        let transport = BoxTransport::new(InProcess::new(carrier.clone()));
        let builder = host.relay(BoxStore::new(relay_store.clone()), transport.clone(), any_sink(Taken));
        let relay = builder.business(shop).open().await.unwrap();
        let device_store = open("devices").await;
        let device = host.open_device(BoxStore::new(device_store.clone()), transport, alice.clone());
        let device = device.await.unwrap();

        // What the first said is read by the device of the second: sessions and queues are as they were.
        if start == "first" {
            relay.submit(SHOP, Outgoing::new(alice.clone(), OutgoingBody::Text(text.clone()))).await.unwrap();
        } else {
            let event = device.next().await.unwrap();
            assert_eq!(event.kind(), &DeviceEventKind::Message(Content::text(text.clone())));
        }
        device.close().await;
        relay.close().await;
        carrier.close().await;
        for store in [relay_store, carrier_store, device_store] {
            store.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_store_is_sealed_and_opened_again_under_the_same_key() {
    let (data, keys) = folders();
    let (host, key) = (Host::new(), keys.path().join("operator.key"));
    let store = host.open_store("relay", &data, &keys).await.unwrap();
    let record = Key::undated(Space::new(7), "record");
    let mut batch = Batch::new(ALICE);
    batch.put(record.clone(), "a secret that stands in no file");
    assert!(matches!(store.commit(batch).await, Ok(Commit::Committed(_))));
    store.close().await.unwrap();
    drop(store);
    let made = fs::read(&key).unwrap();

    let store = host.open_store("relay", &data, &keys).await.unwrap();
    let read = store.get(ALICE, &record, NOW).await.unwrap().unwrap();
    assert_eq!(read.value, "a secret that stands in no file");
    store.close().await.unwrap();
    assert_eq!(fs::read(&key).unwrap(), made, "the key is not made again");
    assert!(!stands_in(data.path(), b"a secret that stands in no file"));
}

#[tokio::test]
async fn a_lost_key_and_lost_files_are_told_and_nothing_begins_in_their_place() {
    let (data, keys) = folders();
    let (host, key) = (Host::new(), keys.path().join("operator.key"));
    let open = async || host.open_store("relay", &data, &keys).await;
    open().await.unwrap().close().await.unwrap();

    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let error = open().await.unwrap_err();
    assert!(matches!(error, OpenStoreError::Key { source: KeyEncryptionError::Missing { .. } }), "{error:?}");
    assert!(!key.exists());
    // Cut by a disk that was full, and not there at all but for the name.
    for cut in [&kept[..31], &[]] {
        fs::write(&key, cut).unwrap();
        only_its_owner_reads(&key);
        let error = open().await.unwrap_err();
        let OpenStoreError::Key { source } = error else { panic!("{error:?}") };
        assert!(source.to_string().contains(key.to_str().unwrap()), "{source}");
        assert_eq!(fs::read(&key).unwrap(), cut, "it is left for somebody to mend");
    }
    fs::write(&key, kept).unwrap();

    fs::remove_dir_all(data.path().join("relay")).unwrap();
    let error = open().await.unwrap_err();
    assert!(
        matches!(error, OpenStoreError::Vault { source: VaultError::StoreEmptied { .. }, .. }),
        "{error:?}"
    );
    // At once, and once only.
    let begun = host.begin_store_anew("relay", &data, &keys).await.unwrap();
    // As whoever is opened on it does.
    begun.accept_restored().await.unwrap();
    begun.close().await.unwrap();
    drop(begun);
    open().await.unwrap().close().await.unwrap();
    let error = host.begin_store_anew("relay", &data, &keys).await.unwrap_err();
    assert!(matches!(error, OpenStoreError::Vault { source: VaultError::NotEmpty, .. }), "{error:?}");
}

#[tokio::test]
async fn a_folder_of_keys_that_is_not_there_is_not_made() {
    let (data, keys) = folders();
    let unmounted = keys.path().join("mount");
    let error = Host::new().open_store("relay", &data, &unmounted).await.unwrap_err();
    assert!(matches!(error, OpenStoreError::Keys { .. }), "{error:?}");
    assert!(error.to_string().contains(unmounted.to_str().unwrap()), "{error}");
    assert!(!unmounted.exists());
    assert!(!data.path().join("relay").exists(), "nothing is left of what did not begin");
}

/// Names were paths: of a folder beside that of the data, or in the root.
#[tokio::test]
async fn a_store_has_the_name_of_a_folder_below_that_of_the_data() {
    let (data, keys) = folders();
    let host = Host::new();
    let long = "a".repeat(65);
    for name in ["", "..", "../x", "/abs", "a/b", ".", "é", &long] {
        let error = host.open_store(name, &data, &keys).await.unwrap_err();
        assert!(matches!(error, OpenStoreError::Name { .. }), "{name}: {error:?}");
    }
    assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
    host.open_store(&"a".repeat(64), &data, &keys).await.unwrap().close().await.unwrap();
}

/// Two hosts on the same clock and seed make the same key; a third on another seed makes another.
#[tokio::test]
async fn a_host_draws_from_what_it_was_handed() {
    let mut made = Vec::new();
    for seed in [1, 1, 2] {
        let (data, keys) = folders();
        let host = Host::with(Arc::new(ManualClock::new(NOW)), Arc::new(SeededRng::new(seed)));
        assert_eq!(host.clock().now(), NOW);
        host.open_store("relay", &data, &keys).await.unwrap().close().await.unwrap();
        made.push(fs::read(keys.path().join("operator.key")).unwrap());
    }
    assert!(made[0] == made[1] && made[1] != made[2]);
}

fn stands_in(folder: &Path, text: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return stands_in(&path, text);
        }
        fs::read(path).unwrap().windows(text.len()).any(|found| found == text)
    })
}

fn only_its_owner_reads(path: &Path) {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    #[cfg(not(unix))]
    let _ = path;
}
