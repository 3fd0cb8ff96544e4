//! What fuzzing checks of the rows that a carrier reads back.

use bulla_base::{Address, DeviceId, DeviceSet, MAX_DEVICES, MessageId, Number, PhoneNumberId};
use bulla_envelope::{Envelope, Form, FrankingTag, Kind, OneTimeKey};
use bulla_meter::Tally;
use bulla_transport::NumberProof;
use prost::Message;

use crate::deduplication::DeduplicationRecord;
use crate::device_tokens::DeviceTokens;
use crate::number_grant::{NumberGrant, OperatorPublicKey};
use crate::restored_store::StoreGeneration;

/// The first byte tells what the rest is read as: a guard against duplicates, the fencing tokens of a party,
/// a one-time key, or the name of a counter. The carrier's other rows are an envelope, an upload of keys and
/// the index of a queue, which have checks of their own, and numbers of a fixed size, of which nothing but
/// the size can be wrong.
///
/// Whatever they are, they are an error, or a row that says the same when it is written and read again.
pub fn rows(bytes: &[u8]) {
    let Some((which, row)) = bytes.split_first() else { return };
    match which {
        0 => guard(row),
        1 => tokens(row),
        2 => one_time_key(row),
        3 => tally(row),
        _ => {}
    }
}

/// The bytes of a grant, as they are signed, or with a signature behind them.
///
/// Whatever they are, they are no grant, or one that is written to the byte; and nobody has signed them.
pub fn grants(bytes: &[u8]) {
    if let Some(grant) = NumberGrant::from_bytes(bytes) {
        assert!(grant.to_bytes().is_ok_and(|written| written == bytes), "there is one way to write it");
    }
    let Ok(proof) = NumberProof::new(bytes.to_vec()) else { return };
    assert!(NumberGrant::open(&proof, &OperatorPublicKey::from_bytes([9; 32])).is_err());
}

fn guard(bytes: &[u8]) {
    let Ok(mut guard) = DeduplicationRecord::read(bytes) else { return };
    assert!(guard.to_bytes() == bytes, "there is one way to write it");
    let Some(envelope) = envelope() else { return };
    let ours = DeduplicationRecord::of(&envelope, &envelope.to_bytes(), StoreGeneration::FIRST);
    let _ = guard.sees(&ours);
    guard.add(ours);
    assert!(DeduplicationRecord::read(&guard.to_bytes()).is_ok_and(|again| again == guard));
}

fn tokens(bytes: &[u8]) {
    let Ok(tokens) = DeviceTokens::read(bytes) else { return };
    let written = tokens.to_bytes();
    assert!(written.len() <= bytes.len() && DeviceTokens::read(&written).is_ok_and(|again| again == tokens));
    let devices = (1..=MAX_DEVICES).filter_map(|number| DeviceId::new(number).ok());
    let there = devices.filter(|device| tokens.installation(*device).is_some()).collect::<DeviceSet>();
    let written_to = tokens.for_sender(there);
    assert!(written_to.union(there) == there, "who is written to by who knows them is there");
    assert!(written_to.union(tokens.in_use()) == written_to, "who is in use is always written to");
    assert!(tokens.in_use().union(there) == there, "who is written to is there");
}

fn one_time_key(bytes: &[u8]) {
    let Ok(key) = OneTimeKey::decode(bytes) else { return };
    assert!(OneTimeKey::decode(&key.encode_to_vec()[..]).is_ok_and(|again| again == key));
}

fn tally(bytes: &[u8]) {
    let Some(tally) = Tally::from_name(bytes) else { return };
    assert!(tally.to_name()[..] == *bytes, "there is one way to write it");
}

/// One that is compared with what was queued.
fn envelope() -> Option<Envelope> {
    let (from, id) = (Address::business(PhoneNumberId::new(1)), MessageId::from_bytes(&[0x71; 16]).ok()?);
    let to = Address::user(Number::parse("16505551234").ok()?);
    let (kind, franking) = (Kind::Receipt, FrankingTag::from_bytes([0; 32]));
    Envelope::new(id, from, to, kind, franking, Form::Signal, vec![1]).ok()
}
