use bulla_base::Day;
use bytes::Bytes;

use super::assertions::{ALICE, BOB, NOW, SPACE, committed, same, scan, succeed};
use crate::{Batch, Key, MAX_SCAN_ROWS, Scan, Space, Store};

const NAMES: [&[u8]; 7] = [b"", b"\x00", b"a", b"a\x00", b"ab", b"b", b"\xff\xff"];

/// Writes every name on three days and without a day, in two spaces, of two partitions, in no good order.
async fn fill(store: &impl Store) {
    for partition in [BOB, ALICE] {
        let mut batch = Batch::new(partition);
        for name in NAMES.into_iter().rev() {
            for space in [SPACE, Space::new(SPACE.number() + 1), Space::new(SPACE.number() - 1)] {
                for day in [day(2), Key::UNDATED, day(0), day(1)] {
                    batch.put(Key::dated(space, day, name), Bytes::from_static(name));
                }
            }
        }
        committed(store, batch).await;
    }
}

fn day(ago: u32) -> Day {
    NOW.day().minus(ago)
}

fn keys(days: &[Day], names: &[&'static [u8]]) -> Vec<Key> {
    days.iter().flat_map(|day| names.iter().map(|name| Key::dated(SPACE, *day, *name))).collect()
}

/// Scans return the records of their space, partition and days, in the order of keys: by day, then by name.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn scans_are_ordered(store: &impl Store) {
    const RULE: &str = "a scan returns all records of its days in the order of keys, and no others";
    fill(store).await;
    same(RULE, scan(store, &Scan::undated(SPACE)).await, keys(&[Key::UNDATED], &NAMES));
    same(
        RULE,
        scan(store, &Scan::dated(SPACE, day(2)..=day(0))).await,
        keys(&[day(2), day(1), day(0)], &NAMES),
    );
    same(RULE, scan(store, &Scan::dated(SPACE, day(1)..=day(1))).await, keys(&[day(1)], &NAMES));
    let everything = Scan::dated(SPACE, Key::UNDATED..=Day::from_number(u32::MAX));
    same(RULE, scan(store, &everything).await, keys(&[Key::UNDATED, day(2), day(1), day(0)], &NAMES));
    same(RULE, scan(store, &Scan::dated(SPACE, day(0)..=day(1))).await, vec![]);
    same(RULE, scan(store, &Scan::dated(SPACE, day(9)..=day(3))).await, vec![]);
    same(RULE, scan(store, &Scan::undated(Space::new(0))).await, vec![]);
}

/// The keys alone are those that a scan returns with their records, in the same order and up to the same
/// limit.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn keys_are_those_of_the_scan(store: &impl Store) {
    const RULE: &str = "the keys are those of the records that a scan returns";
    fill(store).await;
    let everything = Scan::everything(SPACE);
    let all = keys(&[Key::UNDATED, day(2), day(1), day(0)], &NAMES);
    same(RULE, succeed(RULE, store.keys(ALICE, &everything, NOW).await), all);
    let first = Key::dated(SPACE, day(1), NAMES[2]);
    for asked in [
        everything.clone(),
        everything.clone().prefix(&b"a"[..]).limit(5),
        everything.clone().after(first).limit(3),
        Scan::dated(SPACE, day(1)..=day(0)),
        everything.limit(0),
    ] {
        let found = succeed(RULE, store.keys(ALICE, &asked, NOW).await);
        same(RULE, found, scan(store, &asked).await);
    }
}

/// A prefix holds on every day of a scan.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn scans_keep_to_their_prefix(store: &impl Store) {
    const RULE: &str = "a scan returns the records whose name begins with its prefix, and no others";
    fill(store).await;
    let days = Scan::dated(SPACE, day(1)..=day(0));
    let cases: [(&[u8], &[&'static [u8]]); 5] = [
        (b"", &NAMES),
        (b"a", &[b"a", b"a\x00", b"ab"]),
        (b"\xff", &[b"\xff\xff"]),
        (b"\xff\xff\xff", &[]),
        (b"c", &[]),
    ];
    for (prefix, names) in cases {
        let found = scan(store, &days.clone().prefix(prefix.to_vec())).await;
        same(RULE, found, keys(&[day(1), day(0)], names));
    }
}

/// A scan, what it finds, and keys that stand beside and between that.
fn around() -> (Scan, Vec<Key>, [Key; 8]) {
    let days = Scan::dated(SPACE, day(2)..=day(0)).prefix(&b"a"[..]);
    let all = keys(&[day(2), day(1), day(0)], &[b"a", b"a\x00", b"ab"]);
    let others = [
        Key::undated(SPACE, &b"z"[..]),
        Key::dated(SPACE, day(1), &b"A"[..]),
        Key::dated(SPACE, day(1), &b"aa"[..]),
        Key::dated(SPACE, day(1), &b"b"[..]),
        Key::dated(SPACE, day(1), &b""[..]),
        Key::dated(SPACE, Day::from_number(u32::MAX), &b""[..]),
        Key::dated(Space::new(SPACE.number() - 1), day(0), &b"z"[..]),
        Key::dated(Space::new(SPACE.number() + 1), day(2), &b""[..]),
    ];
    (days, all, others)
}

/// A scan goes on behind the key it is given, which may be any key, there or not.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn scans_begin_behind_a_key(store: &impl Store) {
    const RULE: &str = "a scan begins behind the key it is given";
    fill(store).await;
    let (days, all, others) = around();
    for after in others.iter().chain(&all) {
        let expected = all.iter().filter(|key| *key > after).cloned().collect();
        same(RULE, scan(store, &days.clone().after(after.clone())).await, expected);
    }
}

/// A scan goes back from the key it is given, which may be any key, there or not: the nearest comes first.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn scans_go_back_from_a_key(store: &impl Store) {
    const RULE: &str = "a scan goes back from the key it is given, nearest first";
    fill(store).await;
    let (days, all, others) = around();
    for before in others.iter().chain(&all) {
        let back = days.clone().before(before.clone());
        let mut expected: Vec<_> = all.iter().filter(|key| *key < before).cloned().collect();
        expected.reverse();
        same(RULE, scan(store, &back).await, expected.clone());
        same(RULE, succeed(RULE, store.keys(ALICE, &back, NOW).await), expected.clone());
        expected.truncate(4);
        same(RULE, scan(store, &back.limit(4)).await, expected);
        // From both sides.
        for after in others.iter().chain(&all) {
            let between = all.iter().rev().filter(|key| *key < before && *key > after).cloned().collect();
            let asked = days.clone().after(after.clone()).before(before.clone());
            same(RULE, scan(store, &asked).await, between);
        }
    }
}

/// A scan stops at its limit, across days, and at [`MAX_SCAN_ROWS`] whatever its limit; the rest follows
/// behind the last key.
///
/// # Panics
/// When the engine breaks this rule.
pub async fn scans_stop_at_their_limit(store: &impl Store) {
    const RULE: &str = "a scan stops at its limit and goes on behind the last key";
    fill(store).await;
    let days = Scan::dated(SPACE, day(2)..=day(0));
    let all = keys(&[day(2), day(1), day(0)], &NAMES);
    same(RULE, scan(store, &days.clone().limit(0)).await, vec![]);
    for size in [1, 7, 8, all.len(), all.len() + 1] {
        let mut paged = Vec::new();
        // An engine that never comes to an end shows more than there is.
        while paged.len() <= all.len() {
            let mut page = days.clone().limit(size);
            if let Some(last) = paged.last() {
                page = page.after(Key::clone(last));
            }
            let found = scan(store, &page).await;
            let is_last = found.len() < size;
            paged.extend(found);
            if is_last {
                break;
            }
        }
        same(RULE, &paged, &all);
    }
    let (many, last) = (Space::new(90), MAX_SCAN_ROWS.to_be_bytes().to_vec());
    for half in [0..MAX_SCAN_ROWS / 2, MAX_SCAN_ROWS / 2..MAX_SCAN_ROWS + 1] {
        let mut names: Vec<_> = half.map(|number| number.to_be_bytes().to_vec()).collect();
        while !names.is_empty() {
            let mut batch = Batch::new(ALICE);
            for name in names.drain(..names.len().min(1000)) {
                batch.put(Key::undated(many, name), &b""[..]);
            }
            committed(store, batch).await;
        }
    }
    let most = scan(store, &Scan::undated(many).limit(usize::MAX)).await;
    same("a scan returns as many rows as are allowed and no more", most.len(), MAX_SCAN_ROWS);
    let Some(end) = most.into_iter().last() else { return };
    same(RULE, scan(store, &Scan::undated(many).after(end)).await, vec![Key::undated(many, last)]);
}
