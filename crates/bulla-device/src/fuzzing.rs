//! What fuzzing checks of the rows that a device reads back.

use bulla_base::Timestamp;
use bulla_store::{Key, Space};
use bytes::Bytes;
use prost::Message;

use crate::DeviceEvent;
use crate::device::QueueIndexes;
use crate::event::Row;
use crate::store_layout;

/// The first byte tells what the rest is read as: something in the mailbox, the head of mailbox and outbox,
/// or the name of a record about a message. The device's other rows are an envelope and those of its
/// endpoint, which have checks of their own.
///
/// Whatever they are, they are an error, or a row that says the same when it is written and read again.
pub fn rows(bytes: &[u8]) {
    let Some((which, row)) = bytes.split_first() else { return };
    match which {
        0 => event(row),
        1 => queue_indexes(row),
        2 => subject(row),
        _ => {}
    }
}

fn event(bytes: &[u8]) {
    let (Ok(event), Ok(row)) = (DeviceEvent::read(7, bytes), Row::decode(bytes)) else { return };
    let written = row.encode_to_vec();
    assert!(DeviceEvent::read(7, &written).is_ok_and(|again| again == event));
    let _ = (event.id(), event.business(), event.at());
}

fn queue_indexes(bytes: &[u8]) {
    let Ok(mut row) = QueueIndexes::read(bytes) else { return };
    let comes_back = |row: &QueueIndexes| {
        let again = QueueIndexes::read(&row.to_bytes());
        assert!(again.is_ok_and(|again| again.inbox == row.inbox && again.outbox == row.outbox));
    };
    comes_back(&row);
    // What comes next is put behind, and what is there goes.
    for index in [&mut row.inbox, &mut row.outbox] {
        let (day, place) = index.append(Timestamp::from_millis(1_795_293_590_960).day());
        assert!(index.day_of(place) == Some(day) && index.remove(place) == Some(day));
        let first = index.first();
        let _ = index.remove(first);
    }
    comes_back(&row);
}

fn subject(bytes: &[u8]) {
    let day = Timestamp::from_millis(1_795_293_590_960).day();
    let key = Key::dated(Space::new(1), day, Bytes::copy_from_slice(bytes));
    let Ok((business, id)) = store_layout::subject(&key) else { return };
    assert!(store_layout::about(Space::new(1), business, id).name() == key.name());
}
