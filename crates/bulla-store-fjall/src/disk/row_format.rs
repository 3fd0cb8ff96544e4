//! What stands in the tables, byte by byte.
//!
//! ```text
//! record, key     partition (16) ‖ space (1) ‖ name               in the table of the key's day
//! record, value   0x0n ‖ version (n) ‖ value                      never expires
//!                 0x1n ‖ version (n) ‖ expiry (4) ‖ value         is read until so many ms after the key's day began
//!                 0x2n ‖ version (n) ‖ expiry (8) ‖ value         is read until so many ms after the Unix epoch
//! counter, key    space (1) ‖ name
//! counter, value  count, as short as it can be
//! ```
//!
//! Numbers are big-endian, and a version is as short as it can be: of a small record the most is what stands
//! round it. Within a table, keys are ordered as the port asks, because the day is the table.

use std::io::Read;
use std::ops::Bound;

use bulla_base::{Day, Partition, Timestamp};
use bulla_store::{Counter, Expiry, Key, Record, Space, StoreError, Version};
use bytes::Bytes;
use fjall::Slice;

use crate::limits::MIN_SHARED_BYTES;

/// How a record's value begins; the low bits are the length of its version.
const NEVER: u8 = 0x00;
const OF_ITS_DAY: u8 = 0x10;
const OF_ALL_TIME: u8 = 0x20;
const VERSION_LENGTH: u8 = 0x0f;

/// What stands before a record's name.
pub(crate) const RECORD_KEY_HEAD_BYTES: usize = 16 + 1;

/// What stands before a record's value at most.
pub(crate) const MAX_HEAD_BYTES: usize = 1 + 8 + 8;

const MILLIS_PER_DAY: u64 = 24 * 60 * 60 * 1000;

/// The part of a record's key before its name; with a part of the name behind it, the beginning of many.
pub(crate) fn record_key(partition: Partition, space: Space, name: &[u8]) -> Vec<u8> {
    [partition.as_bytes(), &[space.number()][..], name].concat()
}

/// The same, in the place of what `key` was.
pub(crate) fn record_key_into(key: &mut Vec<u8>, partition: Partition, space: Space, name: &[u8]) {
    key.clear();
    key.reserve(RECORD_KEY_HEAD_BYTES + name.len());
    key.extend_from_slice(partition.as_bytes());
    key.push(space.number());
    key.extend_from_slice(name);
}

/// The key of one record, as the engine keeps it.
pub(crate) fn record_name(partition: Partition, key: &Key) -> Slice {
    let space = [key.space().number()];
    let mut parts = partition.as_bytes().chain(&space[..]).chain(&key.name()[..]);
    in_one_piece(&mut parts, RECORD_KEY_HEAD_BYTES + key.name().len())
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
pub(crate) fn key(space: Space, day: Day, row_key: &[u8]) -> Result<Key, StoreError> {
    let name = row_key.get(RECORD_KEY_HEAD_BYTES..).ok_or(DAMAGED_RECORD)?;
    Ok(Key::dated(space, day, Bytes::copy_from_slice(name)))
}

pub(crate) fn counter(space: Space, row_key: &[u8]) -> Result<Counter, StoreError> {
    let name = row_key.get(1..).ok_or(DAMAGED_COUNTER)?;
    Ok(Counter::new(space, Bytes::copy_from_slice(name)))
}

pub(crate) fn record_value(version: Version, day: Day, expiry: Option<Expiry>, value: &[u8]) -> Slice {
    let version = version.number().to_be_bytes();
    let version = short(&version);
    let mut head = Head { bytes: [0; MAX_HEAD_BYTES], length: 1 };
    head.push(version);
    let [version_length, ..] = version.len().to_le_bytes();
    let form = match expiry.map(|expiry| expiry.at().as_millis()) {
        None => NEVER,
        Some(expiry) => match expiry.checked_sub(began(day)).map(u32::try_from) {
            Some(Ok(after)) => {
                head.push(&after.to_be_bytes());
                OF_ITS_DAY
            }
            _ => {
                head.push(&expiry.to_be_bytes());
                OF_ALL_TIME
            }
        },
    };
    head.bytes[0] = form | version_length;
    in_one_piece(&mut head.as_slice().chain(value), head.length + value.len())
}

/// What stands before a record's value.
struct Head {
    bytes: [u8; MAX_HEAD_BYTES],
    length: usize,
}

impl Head {
    fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        self.bytes[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The first moment of `day`, in milliseconds since the Unix epoch.
fn began(day: Day) -> u64 {
    u64::from(day.number()) * MILLIS_PER_DAY
}

/// The version alone, which is all that an expectation asks for.
pub(crate) fn version(row: &[u8]) -> Result<Version, StoreError> {
    split_version(row).map(|(_, version, _)| version)
}

/// The form of a record's value, its version, and what follows.
fn split_version(row: &[u8]) -> Result<(u8, Version, &[u8]), StoreError> {
    let (head, rest) = row.split_first().ok_or(DAMAGED_RECORD)?;
    let (form, length) = (head & !VERSION_LENGTH, usize::from(head & VERSION_LENGTH));
    let (version, rest) = rest.split_at_checked(length).ok_or(DAMAGED_RECORD)?;
    Ok((form, Version::new(number(version).ok_or(DAMAGED_RECORD)?), rest))
}

/// The bytes of a number without the zeros before them.
fn short(number: &[u8; 8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// The number whose bytes, or the last of them, these are.
fn number(short: &[u8]) -> Option<u64> {
    let mut number = [0; 8];
    let zeros = number.len().checked_sub(short.len())?;
    number[zeros..].copy_from_slice(short);
    Some(u64::from_be_bytes(number))
}

pub(crate) fn record(row: Slice, day: Day) -> Result<Record, StoreError> {
    let (form, version, rest) = split_version(&row)?;
    let (expiry, value) = match form {
        NEVER => (None, rest),
        OF_ITS_DAY => {
            let (after, value) = rest.split_first_chunk().ok_or(DAMAGED_RECORD)?;
            (Some(began(day) + u64::from(u32::from_be_bytes(*after))), value)
        }
        OF_ALL_TIME => {
            let (millis, value) = rest.split_first_chunk().ok_or(DAMAGED_RECORD)?;
            (Some(u64::from_be_bytes(*millis)), value)
        }
        _ => return Err(DAMAGED_RECORD),
    };
    let expiry = expiry.map(|millis| Expiry::from_stored(Timestamp::from_millis(millis)));
    let value = if row.len() < MIN_SHARED_BYTES {
        Bytes::copy_from_slice(value)
    } else {
        let start = row.len() - value.len();
        Bytes::from_owner(row).slice(start..)
    };
    Ok(Record::new(version, expiry, value))
}

pub(crate) fn counter_value(count: u64) -> Slice {
    Slice::from(short(&count.to_be_bytes()))
}

pub(crate) fn count(row: &[u8]) -> Result<u64, StoreError> {
    number(row).ok_or(DAMAGED_COUNTER)
}

const DAMAGED_RECORD: StoreError = StoreError::Damaged { what: "record" };
const DAMAGED_COUNTER: StoreError = StoreError::Damaged { what: "counter" };

/// Where keys of rows begin and end.
type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The keys that begin with `prefix` and come after `after`.
pub(crate) fn range(prefix: Vec<u8>, after: Option<Vec<u8>>) -> Range {
    let end = successor(&prefix).map_or(Bound::Unbounded, Bound::Excluded);
    let start = match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    };
    (start, end)
}

/// The same, of those that come before `before`; nothing where there can be none.
pub(crate) fn between(prefix: Vec<u8>, after: Option<Vec<u8>>, before: Option<Vec<u8>>) -> Option<Range> {
    let (start, mut end) = range(prefix, after);
    if let Some(before) = before
        && !matches!(&end, Bound::Excluded(end) if *end <= before)
    {
        end = Bound::Excluded(before);
    }
    let is_empty = match (&start, &end) {
        (Bound::Included(start) | Bound::Excluded(start), Bound::Excluded(end)) => start >= end,
        _ => false,
    };
    (!is_empty).then_some((start, end))
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
        let day = Day::from_number(20_000);
        let began = began(day);
        let last = began + u64::from(u32::MAX);
        let expiries = [0, began - 1, began, last, last + 1, u64::MAX].map(Some);
        for (day, expiry) in
            expiries.map(|expiry| (day, expiry)).into_iter().chain([(day, None), (Key::UNDATED, Some(5))])
        {
            let expiry = expiry.map(|millis| Expiry::from_stored(Timestamp::from_millis(millis)));
            for (number, version_bytes) in
                [(0, 0), (1, 1), (0xff, 1), (0x0100, 2), (1 << 40, 6), (u64::MAX, 8)]
            {
                for value in [vec![], vec![7; 5], vec![7; MIN_SHARED_BYTES]] {
                    let row = record_value(Version::new(number), day, expiry, &value);
                    let expected = Record::new(Version::new(number), expiry, value.into());
                    assert_eq!(record(row.clone(), day).unwrap(), expected);
                    assert_eq!(version(&row).unwrap(), expected.version);
                    let header = row.len() - expected.value.len();
                    let expiry_bytes = match expiry {
                        None => 0,
                        Some(expiry)
                            if (began..=last).contains(&expiry.at().as_millis()) || day == Key::UNDATED =>
                        {
                            4
                        }
                        Some(_) => 8,
                    };
                    assert_eq!(header, 1 + version_bytes + expiry_bytes);
                    for cut in 0..header {
                        assert!(record(Slice::from(&row[..cut]), day).is_err(), "{cut} bytes of {header}");
                    }
                }
            }
        }
        // A form there is not, and a version that is too long.
        for head in [0x30, 0x80, 0xf0, 0x09, 0x0f] {
            assert!(record(Slice::from(&[head; 40][..]), day).is_err(), "{head:#x}");
        }
    }

    /// A row is a part of the block it was read in, and what shares the row keeps all of that in memory.
    #[test]
    fn a_small_value_is_copied_out_of_its_row_and_a_large_one_shares_it() {
        let day = Day::from_number(20_000);
        for (row_bytes, shares) in
            [(100, false), (MIN_SHARED_BYTES - 1, false), (MIN_SHARED_BYTES, true), (100_000, true)]
        {
            // One byte stands before the value, and none of its version.
            let row = record_value(Version::new(0), day, None, &vec![7; row_bytes - 1]);
            assert_eq!(row.len(), row_bytes);
            let value = record(row.clone(), day).unwrap().value;
            assert_eq!(row.as_ptr_range().contains(&value.as_ptr()), shares, "a row of {row_bytes} bytes");
        }
    }

    #[test]
    fn counters_come_back_and_take_no_more_than_they_need() {
        for (number, bytes) in [(0, 0), (1, 1), (255, 1), (256, 2), (1 << 40, 6), (u64::MAX, 8)] {
            let row = counter_value(number);
            assert_eq!((count(&row).unwrap(), row.len()), (number, bytes));
        }
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

    #[test]
    fn a_range_between_two_keys_is_none_when_nothing_can_stand_there() {
        let end = |after: Option<&[u8]>, before: &[u8]| {
            let range = between(vec![5], after.map(<[u8]>::to_vec), Some(before.to_vec()));
            range.map(|(_, end)| end)
        };
        assert_eq!(end(None, &[5, 7]), Some(Bound::Excluded(vec![5, 7])));
        assert_eq!(end(None, &[9]), Some(Bound::Excluded(vec![6])));
        assert_eq!(end(Some(&[5, 1]), &[5, 2]), Some(Bound::Excluded(vec![5, 2])));
        assert_eq!((end(None, &[5]), end(None, &[4]), end(Some(&[5, 1]), &[5, 1])), (None, None, None));
    }
}
