use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bulla_base::{Partition, Timestamp};
use bulla_store::{Batch, Commit, Key, Space, Store};
use bulla_store_fjall::{FjallOptions, FjallStore, OpenError};
use tempfile::TempDir;

const PARTITION: Partition = Partition::from_bytes([7; 16]);
const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);

/// So many records were acknowledged, a batch each.
const RECORDS: u32 = 4;

/// Names and contents.
type Files = Vec<(PathBuf, Vec<u8>)>;

/// A store whose process was killed, with changes to its journal, by the first byte: bytes behind what was
/// acknowledged, bytes in its place, or bytes written over it from a place on that the next two bytes name.
pub(crate) fn check(bytes: &[u8]) {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let (stage, whole) = copy();
    let (changed, least) = match how % 3 {
        0 => ([&whole, bytes].concat(), RECORDS),
        1 => (bytes.to_vec(), 0),
        _ => {
            let Some((place, bytes)) = bytes.split_first_chunk() else { return };
            // One batch at most is cut off. Where zeros were written over two, that looks like one that was
            // torn.
            let least = if bytes.contains(&0) { 0 } else { RECORDS - 1 };
            (written_over(whole, usize::from(u16::from_le_bytes(*place)), bytes), least)
        }
    };
    let journal = stage.path().join("0.jnl");
    fs::write(&journal, &changed).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        match FjallStore::open(stage.path(), options()) {
            Ok(store) => goes_on(&store, stage.path(), least).await,
            Err(OpenError::Damaged { what: "journal", path }) => {
                assert_eq!(path, journal);
                assert_eq!(fs::read(path).unwrap(), changed, "what is damaged is left as it is");
            }
            Err(OpenError::Damaged { .. } | OpenError::Missing { .. } | OpenError::Format { .. }) => {
                assert_eq!(how % 3, 1, "tables are damaged, and it was the journal");
            }
            Err(error) => panic!("{error:?}"),
        }
    });
}

/// The first records are there, at least so many, and what is written now is there when it is opened again.
async fn goes_on(store: &FjallStore, folder: &Path, least: u32) {
    let kept = kept(store).await;
    assert!(kept >= least, "of {RECORDS} only {kept} are there, and not {least}");
    let mut batch = Batch::new(PARTITION);
    batch.put(name(RECORDS), "new");
    assert!(matches!(store.commit(batch).await, Ok(Commit::Committed(_))));
    store.close().await.unwrap();
    let store = FjallStore::open(folder, options()).unwrap();
    let new = store.get(PARTITION, &name(RECORDS), NOW).await.unwrap();
    assert!(new.is_some_and(|record| &record.value[..] == b"new"));
    store.close().await.unwrap();
}

/// How many there are from the first on; there are none behind the first that lacks.
async fn kept(store: &FjallStore) -> u32 {
    let mut kept = 0;
    for number in 0..RECORDS {
        if let Some(record) = store.get(PARTITION, &name(number), NOW).await.unwrap() {
            assert_eq!((&record.value[..], number), (&value(number)[..], kept));
            kept += 1;
        }
    }
    kept
}

fn written_over(mut whole: Vec<u8>, place: usize, bytes: &[u8]) -> Vec<u8> {
    let place = place % whole.len();
    whole.resize(whole.len().max(place + bytes.len()), 0);
    for (old, new) in whole.iter_mut().skip(place).zip(bytes) {
        *old = *new;
    }
    whole
}

fn name(number: u32) -> Key {
    Key::undated(Space::new(1), number.to_be_bytes().to_vec())
}

fn value(number: u32) -> Vec<u8> {
    vec![1; 100 + 200 * number as usize]
}

fn options() -> FjallOptions {
    FjallOptions::default().write_buffer_bytes(1 << 20).cache_bytes(1 << 20)
}

/// The store as its process left it, in a folder of its own, and what is in its journal.
fn copy() -> (TempDir, Vec<u8>) {
    static FILES: OnceLock<(Files, Vec<u8>)> = OnceLock::new();
    let (files, journal) = FILES.get_or_init(killed);
    let stage = stage();
    fs::create_dir(stage.path().join("keyspaces")).unwrap();
    for (name, content) in files {
        let path = stage.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    (stage, journal.clone())
}

fn stage() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.exists() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
}

/// Its files, and apart from them the journal to its last byte that is not zero.
fn killed() -> (Files, Vec<u8>) {
    let stage = stage();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = FjallStore::open(stage.path(), options()).unwrap();
        for number in 0..RECORDS {
            let mut batch = Batch::new(PARTITION);
            batch.put(name(number), value(number));
            assert!(matches!(store.commit(batch).await, Ok(Commit::Committed(_))));
        }
        store.close().await.unwrap();
    });
    // Whoever is killed writes down nothing.
    fs::remove_file(stage.path().join("closed")).unwrap();
    let mut journal = fs::read(stage.path().join("0.jnl")).unwrap();
    journal.truncate(journal.iter().rposition(|byte| *byte != 0).unwrap() + 1);
    fs::remove_file(stage.path().join("0.jnl")).unwrap();
    (files_in(stage.path(), stage.path()), journal)
}

fn files_in(folder: &Path, within: &Path) -> Files {
    let mut files = Vec::new();
    for entry in fs::read_dir(within).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_in(folder, &path));
        } else {
            files.push((path.strip_prefix(folder).unwrap().to_path_buf(), fs::read(&path).unwrap()));
        }
    }
    files
}
