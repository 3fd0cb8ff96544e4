//! What a relay asks of its store when it accepts a message.

use bulla_base::{Partition, Timestamp};
use bulla_store::{Batch, Counter, Key, Retention, Space, Version};
use bytes::Bytes;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);

/// In words, for the report.
pub(crate) const WHAT: &str = "a message of 1 KiB, its id that must be new, the session of 200 B at the version that was read, a mark; two counters.";

pub(crate) const MESSAGE_BYTES: usize = 1024;
const SESSION_BYTES: usize = 200;
/// How many counters there are of each sort: businesses that are written to at the same time.
const ACCOUNTS: usize = 8;

pub(crate) const MESSAGES: Space = Space::new(1);
pub(crate) const IDS: Space = Space::new(2);
const SESSIONS: Space = Space::new(3);
const MARKS: Space = Space::new(4);
const COUNTS: Space = Space::new(5);

pub(crate) fn partition(caller: usize) -> Partition {
    let mut bytes = [0; 16];
    // Partitions are tags: anything but in a row.
    let spread = (caller as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bytes[..8].copy_from_slice(&spread.to_be_bytes());
    Partition::from_bytes(bytes)
}

pub(crate) fn id(caller: usize, number: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id[8..].copy_from_slice(&(caller as u64).to_be_bytes());
    id
}

/// The batch. What ends by itself expires as a relay has it: all but the session.
pub(crate) fn batch(caller: usize, number: u64, message: &Bytes, session: Option<Version>) -> Batch {
    let (id, day, expiry) = (id(caller, number), NOW.day(), Retention::LONGEST.from(NOW));
    let mut batch = Batch::new(partition(caller));
    let id_key = Key::dated(IDS, day, id.to_vec());
    batch.expect_absent(id_key.clone());
    let session_key = Key::undated(SESSIONS, "");
    batch.expect(session_key.clone(), session);
    batch.put_until(Key::dated(MESSAGES, day, id.to_vec()), message.clone(), expiry);
    batch.put_until(id_key, &b"where it is"[..], expiry);
    batch.put(session_key, vec![1; SESSION_BYTES]);
    batch.put_until(Key::dated(MARKS, day, ""), &b""[..], expiry);
    let [account, ..] = (caller % ACCOUNTS).to_le_bytes();
    batch.add(Counter::new(COUNTS, vec![1, account]), 1);
    batch.add(Counter::new(COUNTS, vec![2, account]), 1);
    batch
}
