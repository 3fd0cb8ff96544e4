//! Where the carrier's records stand in its store.
//!
//! ```text
//! partition   space           name                    value
//! recipient   KEYS            device                  its public keys, the one-time ones aside
//! recipient   ONE_TIME        device ‖ key id         generation of the store (u64) ‖ a one-time key
//! recipient   HIGHEST         device                  the highest id of a one-time key it ever left
//! recipient   FENCE           –                       of each device: the installation ‖ the highest incarnation seen of it
//! user        DEVICE_LIST     –                       the list of its devices, with the signature of the first
//! recipient   QUEUE_INDEX     device                  on which day each place in its queue stands
//! recipient   QUEUE/day       device ‖ place          an envelope
//! recipient   DUPLICATES/day  message id              of each device and attempt: digest of what was queued
//! user        QUOTA/day       who asked ‖ business    how many one-time keys of the other the one was given
//! reported    REPORTED/day    reporter ‖ message id   nothing: the message was reported on the day
//! reported    REPORT/day      reporter ‖ moment ‖ message id   what of a report was new; who reported stands as their partition
//! user        REPORTERS/day   –                       which businesses have reported the user last, by keyed tags, and when
//! business    REPORTS_MADE/day  user's partition      nothing: the business has reported something of the user
//! uploader    BLOB/day        hash of the blob's id   how large it is, and how much of it is durable
//! uploader    BLOB_USAGE/day  –                       how much it has begun to upload on the day
//! business    STANDING        –                       number of the next event (u32) ‖ how it stands
//! business    MET             kind ‖ number (u8)      whom it has met in a day, by keyed tags, in pieces: who wrote, who was written to first, who was not there
//! business    TIER            –                       how many users it may write to first, and to how many it did on each of 30 days
//! user        MARKETING/day   –                       when the user got the last four promotions (u64 each)
//! business    ENFORCEMENT     number (u32)            what was done about it, and why
//! business    STATEMENT       period: from, to (u32 each)   the key of who is billed ‖ length (u32) ‖ rate card ‖ signed statement
//! zero        ERASING         user's partition        nothing: this user's erasure was begun and is not done
//! zero        BUSINESS        its number              nothing: this business has connected
//! zero        GENERATION      –                       the generation of the store, if it was put back from a backup
//! zero        PEPPER          –                       the key of all partitions
//! zero        STAMP_KEYS      –                       what the keys of stamps of the last 37 days follow from
//! log         LOG_RANGE       –                       generation of the store (u64) ‖ the right edge of the tree
//! log         LOG_NODE        level ‖ index (u64)     the hash of a complete node
//! log         LOG_LEAF        index (u64)             a statement
//! log         LOG_LATEST      business                index (u64) ‖ the statement that holds of it
//! user        LEDGERED/day    message id              nothing: the message was counted as delivered
//! counter     METER           tally                   messages
//! counter     LEDGER_COUNTS   usage key, no account   messages that a user's device has acknowledged
//! counter     LEDGER_MESSAGES the same ‖ tag          each of them: 1
//! counter     REACHED         business ‖ moment (u64) ‖ keyed tags   1: a user was written to first, and does not stand in MET yet
//! ```
//!
//! When the undated ones end:
//!
//! | space | ends with |
//! |---|---|
//! | KEYS, HIGHEST | the installation: when another registers the device, and when the device is removed or the party erased |
//! | ONE_TIME | being given away; or as KEYS, with the signed prekey beside which they were left, or with the generation of the store |
//! | DEVICE_LIST | the next list, or the user: when it is erased. That of a first device that was lost stands until the next one leaves its keys |
//! | FENCE, QUEUE_INDEX | the party: when it is erased. No other party can take its place, so there is one of each for each number |
//! | ERASING | the erasure |
//! | BUSINESS | the business, when it is erased |
//! | STANDING, MET, TIER, ENFORCEMENT, STATEMENT | the business, when it is erased; MET with the last whom it has met |
//! | GENERATION, PEPPER | the store |
//! | STAMP_KEYS | the day: each is overwritten by that of the next |
//! | REACHED | being put into MET, within a minute; the business, when it is erased |
//! | LEDGER_COUNTS, LEDGER_MESSAGES | the days that the host's settings say, or, if they say so, the business: when it is erased. No user stands there |
//! | LOG_RANGE, LOG_NODE, LOG_LEAF, LOG_LATEST | the store: what was logged stays so, also of a business that is erased. No user stands there. The partition is the log's own, and follows from its public key |

use bulla_base::{Address, Day, DeviceId, Partition, PhoneNumberId};
use bulla_integrity::CountedUser;
use bulla_store::{Counter, Key, Queue, Space};
use bytes::Bytes;

use crate::limits::MAX_MET_ROWS;

pub(crate) const KEYS: Space = Space::new(0x40);
pub(crate) const ONE_TIME: Space = Space::new(0x41);
pub(crate) const FENCE: Space = Space::new(0x42);
pub(crate) const QUEUE_INDEX: Space = Space::new(0x43);
pub(crate) const QUEUE: Space = Space::new(0x44);
pub(crate) const DUPLICATES: Space = Space::new(0x45);
pub(crate) const PEPPER: Space = Space::new(0x46);
pub(crate) const METER: Space = Space::new(0x47);
pub(crate) const HIGHEST: Space = Space::new(0x48);
pub(crate) const ERASING: Space = Space::new(0x49);
pub(crate) const BUSINESS: Space = Space::new(0x4a);
pub(crate) const QUOTA: Space = Space::new(0x4b);
pub(crate) const GENERATION: Space = Space::new(0x4c);
pub(crate) const BLOB: Space = Space::new(0x4d);
pub(crate) const BLOB_USAGE: Space = Space::new(0x4e);
pub(crate) const DEVICE_LIST: Space = Space::new(0x4f);
pub(crate) const LOG_RANGE: Space = Space::new(0x70);
pub(crate) const LOG_NODE: Space = Space::new(0x71);
pub(crate) const LOG_LEAF: Space = Space::new(0x72);
pub(crate) const LOG_LATEST: Space = Space::new(0x73);
pub(crate) const STAMP_KEYS: Space = Space::new(0x78);
pub(crate) const REPORTED: Space = Space::new(0x79);
pub(crate) const REPORT: Space = Space::new(0x7a);
pub(crate) const STANDING: Space = Space::new(0x7b);
pub(crate) const MET: Space = Space::new(0x7c);
pub(crate) const ENFORCEMENT: Space = Space::new(0x7d);
pub(crate) const LEDGERED: Space = Space::new(0x7e);
pub(crate) const LEDGER_COUNTS: Space = Space::new(0x7f);
pub(crate) const LEDGER_MESSAGES: Space = Space::new(0x80);
pub(crate) const TIER: Space = Space::new(0x81);
pub(crate) const MARKETING: Space = Space::new(0x82);
pub(crate) const REPORTERS: Space = Space::new(0x83);
pub(crate) const REPORTS_MADE: Space = Space::new(0x84);
pub(crate) const REACHED: Space = Space::new(0x85);
pub(crate) const STATEMENT: Space = Space::new(0x86);

/// How many kinds of people there are whom a business has met.
pub(crate) const MET_KINDS: usize = 3;

/// Which of them are those whom it has written to first.
pub(crate) const MET_REACHED: usize = 1;

/// The key of the one record of `space` that `address` has.
pub(crate) fn of_device(space: Space, address: &Address) -> Key {
    Key::undated(space, device(address))
}

/// The key of a party's fencing tokens.
pub(crate) fn fence() -> Key {
    Key::undated(FENCE, "")
}

/// The key of how a business stands.
pub(crate) fn standing() -> Key {
    Key::undated(STANDING, "")
}

/// The key of one piece of one kind of people whom a business has met.
pub(crate) fn met(kind: u8, piece: u8) -> Key {
    Key::undated(MET, vec![kind, piece])
}

/// The first of each kind.
pub(crate) fn first_met() -> impl Iterator<Item = Key> {
    (0..).take(MET_KINDS).map(|kind| met(kind, 0))
}

/// All that there may be.
pub(crate) fn all_met() -> impl Iterator<Item = Key> {
    (0..).take(MET_KINDS).flat_map(|kind| (0..MAX_MET_ROWS).map(move |piece| met(kind, piece)))
}

/// That `business` has written to a user first.
pub(crate) fn reached(business: PhoneNumberId, counted: CountedUser) -> Counter {
    Counter::new(REACHED, [&reached_by(business)[..], &counted.to_bytes()].concat())
}

/// What the names of all of these begin with.
pub(crate) const fn reached_by(business: PhoneNumberId) -> [u8; 8] {
    business.number().to_be_bytes()
}

/// The key of the tier of a business.
pub(crate) fn tier() -> Key {
    Key::undated(TIER, "")
}

/// The key of when a user who got one on `day` got the last promotions.
pub(crate) fn marketing(day: Day) -> Key {
    Key::dated(MARKETING, day, "")
}

/// The key of which businesses have reported a user whom one has reported on `day`.
pub(crate) fn reporters(day: Day) -> Key {
    Key::dated(REPORTERS, day, "")
}

/// The key of what was done about a business.
pub(crate) fn enforcement(number: u32) -> Key {
    Key::undated(ENFORCEMENT, number.to_be_bytes().to_vec())
}

/// The key of the list of a user's devices.
pub(crate) fn device_list() -> Key {
    Key::undated(DEVICE_LIST, "")
}

/// The key of the index of the queue of a party's device.
pub(crate) fn queue_head(device: DeviceId) -> Key {
    Key::undated(QUEUE_INDEX, name(device))
}

/// The queue of a device of the party of `partition`.
pub(crate) fn queue(partition: Partition, device: DeviceId) -> Queue {
    Queue::new(partition, QUEUE, name(device))
}

/// What names of records of `address` begin with.
pub(crate) fn device(address: &Address) -> Bytes {
    name(address.device())
}

fn name(device: DeviceId) -> Bytes {
    Bytes::copy_from_slice(&[device.number()])
}
