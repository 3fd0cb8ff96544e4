//! What fuzzing checks of the rows that an endpoint reads back.

use bulla_base::{Partition, Timestamp};
use bulla_store::{Batch, Key, Record, Space, StoreError, Version};
use bytes::Bytes;
use prost::Message;

use crate::endpoint::{EndpointState, read_identity};
use crate::trusted_identity_record::TrustedIdentityRecord;
use crate::{RetrySchedule, Unconfirmed};

const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);

/// The first byte tells what the rest is read as: what is remembered of a peer's identity, what an endpoint
/// remembers of itself, a message that is not confirmed, a retry schedule, or its identity. Its other rows
/// are prekeys and the parts of sessions, which have checks of their own.
///
/// Whatever they are, they are an error, or a row that says the same when it is written and read again.
pub fn rows(bytes: &[u8]) {
    let Some((which, row)) = bytes.split_first() else { return };
    match which {
        0 => identity_trust(row),
        1 => state(row),
        2 => unconfirmed(row),
        3 => retry_schedule(row),
        4 => drop(read_identity(row)),
        _ => {}
    }
}

fn identity_trust(bytes: &[u8]) {
    let Some(mut trust) = trust(bytes) else { return };
    let said = |trust: &TrustedIdentityRecord| (trust.trusted(), trust.held(), trust.is_stale());
    let before = said(&trust);
    // Written although it did not change, as nothing writes it.
    trust.set_stale();
    let mut batch = Batch::new(Partition::from_bytes([0; 16]));
    trust.write(Key::undated(Space::new(1), ""), &mut batch);
    let written = batch.puts().first().and_then(|put| self::trust(&put.value));
    assert!(written.is_some_and(|again| said(&again) == (before.0, before.1, true)));
    trust.approve();
    assert!(trust.trusted() == before.1 && trust.held().is_none());
}

fn trust(bytes: &[u8]) -> Option<TrustedIdentityRecord> {
    let value = Bytes::copy_from_slice(bytes);
    TrustedIdentityRecord::read(Some(Record::new(Version::new(1), None, value))).ok()
}

fn state(bytes: &[u8]) {
    let Ok(state) = EndpointState::decode(bytes) else { return };
    let written = state.encode_to_vec();
    assert!(EndpointState::decode(&written[..]).is_ok_and(|again| again == state));
    let _ = (state.is_renewal_due(NOW), state.are_published());
}

fn unconfirmed(bytes: &[u8]) {
    let Some(mut row) = read_back(bytes, Unconfirmed::read, Unconfirmed::to_bytes) else { return };
    for attempt in [0, 1, u8::MAX] {
        let _ = row.asked_for(attempt, NOW);
    }
    let _ = (row.content(), row.was_sealed_in(Some([7; 8])));
    if let Some(resends) = row.next_resend() {
        row.resealed(Some([7; 8]), resends, NOW, 0);
        assert!(row.was_sealed_in(Some([7; 8])));
    }
    let _ = read_back(&row.to_bytes(), Unconfirmed::read, Unconfirmed::to_bytes);
}

fn retry_schedule(bytes: &[u8]) {
    let written = |row: &RetrySchedule| row.to_bytes();
    let Some(row) = read_back(bytes, RetrySchedule::read, written) else { return };
    let _ = (row.is_over(NOW), row.has_ended(), row.covers(5), row.attempt(), row.next());
    let later = row.once_more(row.attempt(), NOW);
    assert!(later.covers(row.attempt()) && later.next() > NOW && row.over().has_ended());
}

/// The row in `bytes`, if there is one: written, it is read as the same.
fn read_back<R: PartialEq>(
    bytes: &[u8],
    read: impl Fn(&[u8]) -> Result<R, StoreError>,
    write: impl Fn(&R) -> Bytes,
) -> Option<R> {
    let row = read(bytes).ok()?;
    let written = write(&row);
    let again = read(&written);
    assert!(again.is_ok_and(|again| again == row && write(&again) == written), "another row comes back");
    Some(row)
}
