//! What stands in the tables, byte by byte.
//!
//! ```text
//! record, key     partition (16) ‖ space (1) ‖ name               in the table of the key's day
//! record, value   version (8) ‖ 0 ‖ value                         never expires
//!                 version (8) ‖ 1 ‖ expiry, ms (8) ‖ value        is read until then
//! counter, key    space (1) ‖ name
//! counter, value  count (8)
//! ```
//!
//! Numbers are big-endian. Within a table, keys are ordered as the port asks, because the day is the table.

use std::io::Read;
use std::ops::Bound;

use bulla_base::{Partition, Timestamp};
use bulla_store::{Counter, Expiry, Key, Record, Space, StoreError, Version};
use bytes::{BufMut, Bytes};
use fjall::Slice;

/// Shorter values are copied out of the block they were read in, so that a small value does not keep a whole block in memory.
const MIN_SHARED_BYTES: usize = 1024;

/// The part of a record's key before its name; with a part of the name behind it, the beginning of many.
pub(crate) fn record_key(partition: Partition, space: Space, name: &[u8]) -> Vec<u8> {
    [partition.as_bytes(), &[space.number()][..], name].concat()
}

/// The same, in the place of what `key` was.
pub(crate) fn record_key_into(key: &mut Vec<u8>, partition: Partition, space: Space, name: &[u8]) {
    key.clear();
    key.extend_from_slice(partition.as_bytes());
    key.push(space.number());
    key.extend_from_slice(name);
}

/// The key of one record, as the engine keeps it.
pub(crate) fn record_name(partition: Partition, key: &Key) -> Slice {
    let space = [key.space().number()];
    let mut parts = partition.as_bytes().chain(&space[..]).chain(&key.name()[..]);
    in_one_piece(&mut parts, 17 + key.name().len())
}

/// Copies what is read once, to where the engine keeps it.
fn in_one_piece(parts: &mut impl Read, length: usize) -> Slice {
    // Reading from memory does not fail.
    Slice::from_reader(parts, length).unwrap_or_else(|_| Slice::empty())
}

pub(crate) fn counter_key(space: Space, name: &[u8]) -> Vec<u8> {
    [&[space.number()][..], name].concat()
}

/// The same, in the place of what `key` was.
pub(crate) fn counter_key_into(key: &mut Vec<u8>, space: Space, name: &[u8]) {
    key.clear();
    key.push(space.number());
    key.extend_from_slice(name);
}

/// The key whose name stands in the row's key.
pub(crate) fn key(space: Space, day: bulla_base::Day, row_key: &[u8]) -> Result<Key, StoreError> {
    let name = row_key.get(17..).ok_or(DAMAGED_RECORD)?;
    Ok(Key::dated(space, day, Bytes::copy_from_slice(name)))
}

pub(crate) fn counter(space: Space, row_key: &[u8]) -> Result<Counter, StoreError> {
    let name = row_key.get(1..).ok_or(DAMAGED_COUNTER)?;
    Ok(Counter::new(space, Bytes::copy_from_slice(name)))
}

pub(crate) fn record_value(version: Version, expiry: Option<Expiry>, value: &[u8]) -> Slice {
    let mut head = [0; 17];
    let head = match expiry {
        None => {
            (&mut head[..8]).put_u64(version.number());
            &head[..9]
        }
        Some(expiry) => {
            let mut rest = &mut head[..];
            rest.put_u64(version.number());
            rest.put_u8(1);
            rest.put_u64(expiry.at().as_millis());
            &head[..]
        }
    };
    in_one_piece(&mut head.chain(value), head.len() + value.len())
}

/// The version alone, which is all that an expectation asks for.
pub(crate) fn version(row: &[u8]) -> Result<Version, StoreError> {
    let (version, _) = row.split_first_chunk().ok_or(DAMAGED_RECORD)?;
    Ok(Version::new(u64::from_be_bytes(*version)))
}

pub(crate) fn record(row: Slice) -> Result<Record, StoreError> {
    let version = version(&row)?;
    let (expiry, start) = match row.get(8) {
        Some(0) => (None, 9),
        Some(1) => {
            let (millis, _) = row.get(9..).and_then(<[u8]>::split_first_chunk).ok_or(DAMAGED_RECORD)?;
            (Some(Expiry::from_stored(Timestamp::from_millis(u64::from_be_bytes(*millis)))), 17)
        }
        _ => return Err(DAMAGED_RECORD),
    };
    let value = if row.len() < MIN_SHARED_BYTES {
        Bytes::copy_from_slice(row.get(start..).unwrap_or_default())
    } else {
        Bytes::from_owner(row).slice(start..)
    };
    Ok(Record::new(version, expiry, value))
}

pub(crate) fn count(row: &[u8]) -> Result<u64, StoreError> {
    row.try_into().map(u64::from_be_bytes).map_err(|_| DAMAGED_COUNTER)
}

const DAMAGED_RECORD: StoreError = StoreError::Damaged { what: "record" };
const DAMAGED_COUNTER: StoreError = StoreError::Damaged { what: "counter" };

/// The keys that begin with `prefix` and come after `after`.
pub(crate) fn range(prefix: Vec<u8>, after: Option<Vec<u8>>) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let end = successor(&prefix).map_or(Bound::Unbounded, Bound::Excluded);
    let start = match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    };
    (start, end)
}

/// The first key behind all that begin with `prefix`, if there is one.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut next = prefix.get(..=last)?.to_vec();
    *next.last_mut()? += 1;
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_anything_shorter_is_damaged() {
        for expiry in [None, Some(Expiry::from_stored(Timestamp::from_millis(u64::MAX)))] {
            for value in [vec![], vec![7; 5], vec![7; MIN_SHARED_BYTES]] {
                let row = record_value(Version::new(9), expiry, &value);
                let expected = Record::new(Version::new(9), expiry, value.into());
                assert_eq!(record(row.clone()).unwrap(), expected);
                let header = row.len() - expected.value.len();
                for cut in 0..header {
                    assert!(record(Slice::from(&row[..cut])).is_err(), "{cut} bytes of {header}");
                }
            }
        }
        assert!(record(Slice::from(&[0, 0, 0, 0, 0, 0, 0, 1, 2, 0][..])).is_err());
        assert!(count(&[0; 7]).is_err());
        assert!(count(&[0; 9]).is_err());
    }

    #[test]
    fn a_range_ends_behind_the_last_key_with_its_prefix() {
        assert_eq!(successor(&[1, 2]), Some(vec![1, 3]));
        assert_eq!(successor(&[1, 255, 255]), Some(vec![2]));
        assert_eq!(successor(&[255]), None);
        let (start, end) = range(vec![5], Some(vec![4, 9]));
        assert_eq!((start, end), (Bound::Included(vec![5]), Bound::Excluded(vec![6])));
        let (start, _) = range(vec![5], Some(vec![5, 0]));
        assert_eq!(start, Bound::Excluded(vec![5, 0]));
    }
}
