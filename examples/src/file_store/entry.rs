//! What stands in the log.

use std::io;

use bulla::base::{Day, Partition, Timestamp};
use bulla::store::{Batch, Counter, Expiry, Key, Space};
use bytes::{Buf, BufMut, Bytes, TryGetError};

/// One change of the map. Expectations are not kept: they held.
#[derive(Debug)]
pub(super) enum Entry {
    Batch(Batch),
    DropDaysBefore(Day),
}

const DROP: u8 = 0;
const BATCH: u8 = 1;
const PUT: u8 = 2;
const PUT_UNTIL: u8 = 3;
const DELETE: u8 = 4;
const ADD: u8 = 5;
const REMOVE: u8 = 6;

impl Entry {
    pub(super) fn read(mut bytes: &[u8]) -> io::Result<Self> {
        read(&mut bytes).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::DropDaysBefore(day) => {
                out.put_u8(DROP);
                out.put_u32(day.number());
            }
            Self::Batch(batch) => {
                out.put_u8(BATCH);
                out.put_slice(batch.partition().as_bytes());
                for put in batch.puts() {
                    out.put_u8(if put.expiry.is_some() { PUT_UNTIL } else { PUT });
                    put_key(&mut out, &put.key);
                    if let Some(expiry) = put.expiry {
                        out.put_u64(expiry.at().as_millis());
                    }
                    put_bytes(&mut out, &put.value);
                }
                for key in batch.deletes() {
                    out.put_u8(DELETE);
                    put_key(&mut out, key);
                }
                for counter in batch.removes() {
                    out.put_u8(REMOVE);
                    out.put_u8(counter.space().number());
                    put_bytes(&mut out, counter.name());
                }
                for (counter, count) in batch.adds() {
                    out.put_u8(ADD);
                    out.put_u8(counter.space().number());
                    put_bytes(&mut out, counter.name());
                    out.put_u64(*count);
                }
            }
        }
        out
    }
}

fn read(from: &mut &[u8]) -> Result<Entry, TryGetError> {
    if from.try_get_u8()? == DROP {
        return Ok(Entry::DropDaysBefore(Day::from_number(from.try_get_u32()?)));
    }
    let mut partition = [0; 16];
    from.try_copy_to_slice(&mut partition)?;
    let mut batch = Batch::new(Partition::from_bytes(partition));
    while from.has_remaining() {
        match from.try_get_u8()? {
            PUT => batch.put(key(from)?, bytes(from)?),
            PUT_UNTIL => {
                let key = key(from)?;
                let expiry = Expiry::from_stored(Timestamp::from_millis(from.try_get_u64()?));
                batch.put_until(key, bytes(from)?, expiry);
            }
            DELETE => batch.delete(key(from)?),
            REMOVE => batch.remove_counter(Counter::new(Space::new(from.try_get_u8()?), bytes(from)?)),
            // Nothing else was ever written.
            _ => {
                let counter = Counter::new(Space::new(from.try_get_u8()?), bytes(from)?);
                batch.add(counter, from.try_get_u64()?);
            }
        }
    }
    Ok(Entry::Batch(batch))
}

fn put_key(out: &mut Vec<u8>, key: &Key) {
    out.put_u8(key.space().number());
    out.put_u32(key.day().number());
    put_bytes(out, key.name());
}

fn key(from: &mut &[u8]) -> Result<Key, TryGetError> {
    let (space, day) = (Space::new(from.try_get_u8()?), Day::from_number(from.try_get_u32()?));
    Ok(Key::dated(space, day, bytes(from)?))
}

/// Lengths fit: the port bounds them at 1 MiB.
fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.put_slice(bytes);
}

fn bytes(from: &mut &[u8]) -> Result<Bytes, TryGetError> {
    let length = usize::try_from(from.try_get_u32()?).unwrap_or(usize::MAX);
    let available = from.len();
    let (bytes, rest) = from.split_at_checked(length).ok_or(TryGetError { requested: length, available })?;
    *from = rest;
    Ok(Bytes::copy_from_slice(bytes))
}
