//! What children write, so that a parent can tell whether it is all there.

use bulla_base::{Partition, Timestamp};
use bulla_store::{Batch, Counter, Key, Record, Scan, Space, Store};
use bulla_store_fjall::{FjallOptions, FjallStore};

pub(crate) const SPACE: Space = Space::new(7);
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);
pub(crate) const WRITERS: u8 = 8;
const DOOMED: Partition = Partition::from_bytes([99; 16]);

/// Small write buffers, so that children are also killed while they flush and merge.
pub(crate) fn options() -> FjallOptions {
    FjallOptions::default().write_buffer_bytes(1 << 20)
}

pub(crate) fn partition(writer: u8) -> Partition {
    Partition::from_bytes([writer; 16])
}

pub(crate) fn entry(number: u64) -> Key {
    Key::dated(SPACE, NOW.day(), number.to_be_bytes().to_vec())
}

/// The number of the writer's last entry stands here, in a record without a day.
pub(crate) fn head() -> Key {
    Key::undated(SPACE, "head")
}

pub(crate) fn count_of(writer: u8) -> Counter {
    Counter::new(SPACE, vec![writer])
}

pub(crate) fn value(writer: u8, number: u64) -> Vec<u8> {
    let mut value = vec![writer; 1500];
    value.extend(number.to_be_bytes());
    value
}

/// One fact in three tables: the entry, the head that names it, and the count.
pub(crate) fn batch(writer: u8, number: u64, head_read: Option<&Record>) -> Batch {
    let mut batch = Batch::new(partition(writer));
    batch.expect(head(), head_read.map(|record| record.version));
    batch.expect_absent(entry(number));
    batch.put(entry(number), value(writer, number));
    batch.put(head(), number.to_be_bytes().to_vec());
    batch.add(count_of(writer), 1);
    batch
}

/// A record of a day that is dropped soon. Each round has its own name.
pub(crate) fn doomed(ago: u32, round: u64) -> Batch {
    let mut batch = Batch::new(DOOMED);
    batch.put(Key::dated(SPACE, NOW.day().minus(ago), round.to_be_bytes().to_vec()), vec![0; 1000]);
    batch
}

/// The rounds that have doomed records.
pub(crate) async fn doomed_rounds(store: &FjallStore) -> Vec<u64> {
    let scan = Scan::dated(SPACE, NOW.day().minus(3)..=NOW.day().minus(1));
    let found = store.scan(DOOMED, &scan, NOW).await.unwrap();
    found.into_iter().map(|(key, _)| u64::from_be_bytes(key.name()[..].try_into().unwrap())).collect()
}

/// The writer's entries, as the number and the record of each, after checking that all three tables tell the
/// same.
pub(crate) async fn entries(store: &FjallStore, writer: u8) -> Vec<(u64, Record)> {
    let mut entries: Vec<(u64, Record)> = Vec::new();
    loop {
        let mut scan = Scan::dated(SPACE, NOW.day()..=NOW.day());
        if let Some((last, _)) = entries.last() {
            scan = scan.after(entry(*last));
        }
        let page = store.scan(partition(writer), &scan, NOW).await.unwrap();
        if page.is_empty() {
            break;
        }
        let number = |key: &Key| u64::from_be_bytes(key.name()[..].try_into().unwrap());
        entries.extend(page.into_iter().map(|(key, record)| (number(&key), record)));
    }
    for (expected, (number, record)) in (1..).zip(&entries) {
        assert_eq!(*number, expected, "entries of writer {writer} have no gap");
        assert_eq!(record.value, value(writer, *number), "entry {number} of writer {writer} is whole");
    }
    let head = store.get(partition(writer), &head(), NOW).await.unwrap();
    let count = store.counters(SPACE, &[writer], None).await.unwrap();
    let last = entries.len() as u64;
    let head_number = head.as_ref().map_or(0, |head| u64::from_be_bytes(head.value[..].try_into().unwrap()));
    assert_eq!(head_number, last, "the head names the last entry");
    assert_eq!(head.map(|head| head.version), entries.last().map(|(_, record)| record.version));
    assert_eq!(count.first().map_or(0, |(_, count)| *count), last, "the count is that of the entries");
    entries
}
