//! What fuzzing checks of the rows that a relay reads back.

use bulla_base::{DeviceId, MAX_DEVICES, Timestamp};
use bulla_store::StoreError;
use bytes::Bytes;

use crate::OutgoingTemplate;
use crate::row::{
    AccountNewsItem, MessagePendingApproval, Outbound, OutboxEntry, QueueIndexes, ReceivedMedia, Reportable,
    RetryRequest, StoredAccountEvent, StoredEvent, StoredMedia, StoredStanding, StoredTemplate,
    UnconfirmedCopies, plain_rows,
};

/// The first byte tells which row the rest is read as: a message of the business, what leaves together, the
/// head of a conversation, a retry request, an event, what waits for approval, what is unconfirmed, or one of
/// the plain ones: the number of a user, what was sent under an idempotency key, a recipient, who has
/// sent a message that was opened; or what media, an upload, a template or what is told of an account is,
/// where the media of a message is, how a business stands, or what a report takes.
///
/// Whatever they are, they are an error, or a row that says the same when it is written and read again, and
/// whose every part is an error or there.
pub fn rows(bytes: &[u8]) {
    let Some((which, row)) = bytes.split_first() else { return };
    match which {
        0 => outbound(row),
        1 => outbox_entry(row),
        2 => queue_indexes(row),
        3 => retry_request(row),
        4 => stored_event(row),
        5 => pending_approval(row),
        6 => unconfirmed_copies(row),
        7 => contact(row),
        8 => sent_once(row),
        9 => assert!(plain_rows::recipient(row).is_ok() == (row.len() == 8)),
        10 => opened(row),
        11 => stored_media(row),
        12 => stored_template(row),
        13 => received_media(row),
        14 => upload(row),
        15 => account_event(row),
        16 => volume_tier(row),
        17 => standing(row),
        18 => drop(read_back(row, Reportable::read, Reportable::to_bytes)),
        _ => {}
    }
}

fn outbound(bytes: &[u8]) {
    let Some(row) = read_back(bytes, Outbound::read, Outbound::to_bytes) else { return };
    let _ = (row.stage(), row.awaited(), row.of_category(), row.due());
}

fn outbox_entry(bytes: &[u8]) {
    let read = |bytes: &[u8]| OutboxEntry::read(Bytes::copy_from_slice(bytes));
    let Some(row) = read_back(bytes, read, OutboxEntry::to_bytes) else { return };
    assert!(row.id().is_some() && row.envelopes().len() <= usize::from(MAX_DEVICES));
    let _ = (row.is_message(), row.known());
    for envelope in row.envelopes() {
        let others = row.without(envelope.to().device());
        assert!(others.is_none_or(|others| others.envelopes().len() < row.envelopes().len()));
    }
}

fn queue_indexes(bytes: &[u8]) {
    let write = |row: &QueueIndexes| row.to_bytes().into();
    let Some(mut row) = read_back(bytes, QueueIndexes::read, write) else { return };
    // What comes next is put behind, and what is there goes.
    for index in [&mut row.outbox, &mut row.events, &mut row.held, &mut row.deferred] {
        let (day, place) = index.append(Timestamp::from_millis(1_795_293_590_960).day());
        assert!(index.day_of(place) == Some(day) && index.remove(place) == Some(day));
        let first = index.first();
        let _ = index.remove(first);
    }
    let _ = read_back(&row.to_bytes(), QueueIndexes::read, write);
}

fn retry_request(bytes: &[u8]) {
    let Some(row) = read_back(bytes, RetryRequest::read, RetryRequest::to_bytes) else { return };
    let _ = row.from();
}

fn stored_event(bytes: &[u8]) {
    let Some(row) = read_back(bytes, StoredEvent::read, StoredEvent::to_bytes) else { return };
    let _ = (row.message(), row.device(), row.user(), row.at());
    let _ = (row.message_content(), row.status(), row.of_category());
}

fn pending_approval(bytes: &[u8]) {
    let written = MessagePendingApproval::to_bytes;
    let Some(row) = read_back(bytes, MessagePendingApproval::read, written) else { return };
    let _ = (row.device(), row.id(), row.of_category(), row.content(), row.words());
}

fn unconfirmed_copies(bytes: &[u8]) {
    let written = UnconfirmedCopies::to_bytes;
    let Some(mut row) = read_back(bytes, UnconfirmedCopies::read, written) else { return };
    let _ = row.content();
    for number in 1..=MAX_DEVICES {
        let Ok(device) = DeviceId::new(number) else { continue };
        if let Some(copy) = row.of(device).cloned() {
            let _ = copy.asked_for(1, Timestamp::from_millis(1_795_293_590_960));
            row.put(device, copy);
        }
    }
    let _ = read_back(&row.to_bytes(), UnconfirmedCopies::read, written);
}

fn contact(bytes: &[u8]) {
    let Ok(number) = plain_rows::contact(bytes) else { return };
    assert!(plain_rows::contact(number.digits().as_bytes()).is_ok_and(|again| again == number));
}

fn sent_once(bytes: &[u8]) {
    let Ok((id, fingerprint)) = plain_rows::sent_once(bytes) else { return };
    assert!([id.as_bytes(), fingerprint].concat() == bytes, "there is one way to write it");
}

fn opened(bytes: &[u8]) {
    let Ok(device) = plain_rows::opened(bytes) else { return };
    assert!(bytes.first() == Some(&device.number()));
}

fn stored_media(bytes: &[u8]) {
    let Some(row) = read_back(bytes, StoredMedia::read, StoredMedia::to_bytes) else { return };
    let Ok(described) = row.description() else { return };
    assert!(StoredMedia::new(&described) == row, "there is one way to say it");
}

fn upload(bytes: &[u8]) {
    let Ok((size, media_type)) = plain_rows::upload(bytes) else { return };
    assert!(
        [&size.to_be_bytes()[..], media_type.as_bytes()].concat() == bytes,
        "there is one way to write it"
    );
}

fn volume_tier(bytes: &[u8]) {
    let Ok((month, above)) = plain_rows::volume_tier(bytes) else { return };
    assert!(plain_rows::from_volume_tier(month, above) == bytes, "there is one way to write it");
}

fn stored_template(bytes: &[u8]) {
    let Some(row) = read_back(bytes, StoredTemplate::read, StoredTemplate::to_bytes) else { return };
    let Ok(template) = row.template() else { return };
    let again = StoredTemplate::new(&template).template();
    assert!(again.is_ok_and(|again| again == template), "it comes back as it is");
    // Whether or not it is one that can be sent, it is filled in or refused.
    let _ = template.definition.check();
    let message = OutgoingTemplate::new(template.definition.name(), template.definition.language());
    let _ = template.definition.render(&message, Vec::new());
}

fn account_event(bytes: &[u8]) {
    let read = read_back(bytes, StoredAccountEvent::read, StoredAccountEvent::to_bytes);
    let Some(Ok(item)) = read.map(StoredAccountEvent::item) else { return };
    let again = match &item {
        AccountNewsItem::Template(template) => StoredAccountEvent::template(template),
        AccountNewsItem::Restriction(of, restriction, until) => {
            StoredAccountEvent::restriction(*of, *restriction, *until)
        }
        AccountNewsItem::VolumeTier(month, reached) => StoredAccountEvent::volume_tier(*month, *reached),
        AccountNewsItem::Change(of, change) => StoredAccountEvent::change(*of, *change),
    };
    assert!(again.item().is_ok(), "it comes back");
}

fn standing(bytes: &[u8]) {
    let read = read_back(bytes, StoredStanding::read, |row| row.to_bytes());
    if let Some(Ok(standing)) = read.map(StoredStanding::standing) {
        assert!(StoredStanding::new(standing).standing().is_ok_and(|again| again == standing));
    }
}

fn received_media(bytes: &[u8]) {
    let Some(row) = read_back(bytes, ReceivedMedia::read, ReceivedMedia::to_bytes) else { return };
    if row.pointer().is_ok() {
        assert!(row.description().is_ok(), "what can be fetched can be told of");
    }
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
