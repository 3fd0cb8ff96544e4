//! Where the relay's records stand in its store.
//!
//! ```text
//! partition   space            name                       value
//! user        MESSAGE/day      business ‖ message id      what became of a message of the business
//! user        CONTENT/day      business ‖ message id      what a message of the business says, until each device has confirmed it
//! user        SEEN/day         business ‖ envelope id     an envelope that was opened: the user's device
//! user        ASKED/day        business ‖ envelope id     one that could not be, whose it is, and how often it was asked for again
//! user        HEAD             business                   which places its queues have, and on which day each is;
//!                                                         the moments by which rules go; the user's devices
//! user        OUTBOX/day       business ‖ place           what the carrier does not have yet: an envelope for each device
//! user        HELD/day         business ‖ place           what is not sealed before the user's new identity is approved
//! user        DEFERRED/day     business ‖ place           what is not sealed before a rule allows it
//! user        EVENTS/day       business ‖ place           an event the business does not have yet
//! user        DEAD_LETTERS/day business ‖ place           an event the business did not take, however often
//! user        CONTACT/day      business                   the user's number
//! user        ONCE/day         business ‖ key's SHA-256   the message sent under an idempotency key
//! user        RECEIVED_MEDIA/day business ‖ message id   where the attachment of a user's message is, and what opens it
//! user        REPORTABLE/day   business ‖ message id      what a report of a user's message takes, if the settings say so
//! business    KEY/day          key's SHA-256              a digest of the idempotency key and the user it was used for
//! business    BUSY/day         user's partition           nothing: something was written of this conversation on that day
//! business    WAITING          user's partition           nothing: this conversation may have work
//! business    DUE/day          user's partition ‖ time ‖ message id ‖ 0 or 1   nothing: the message fails then, if it has not arrived; or is asked for again, if it has not come
//! business    DEAD_LETTERS/day user's partition ‖ place   nothing: there is this dead letter
//! business    RECIPIENT/day    user's partition           when the user was written to last outside a window
//! business    CONVERSATION     user's partition           nothing: there is this conversation
//! business    MEDIA/day        media id                what media of the business is
//! business    MEDIA_CHUNK/day  media id ‖ number       a piece of its bytes
//! business    UPLOAD/day       media id                size ‖ media type: an upload in several parts that is not finished
//! business    GATE             user's partition        the number of a user that is blocked; or, without a name, nothing: the number is not registered
//! business    STANDING         –                        how it was told that it stands with the carrier
//! business, account, zero  CONFIGURATION  kind ‖ name  what was configured through an API
//! business, account, zero  CONFIGURATION_COUNT  kind   how many there are of the kind
//! account     TEMPLATE         name ‖ 0 ‖ language     a message template of the account
//! account     TEMPLATE_ID      template id             name ‖ 0 ‖ language: where it stands
//! account     ACCOUNT_EVENT/day  time-ordered id       a template as it was reviewed, how a number stands, or a tier of a price, of which the business does not know yet
//! account     TEMPLATE_COUNT   –                       how many there are
//! account     VOLUME_TIER      category ‖ unit ‖ market   the tier of a price that the account was told last, and of which month
//! zero        ERASING          user's partition           nothing: this user's erasure was begun and is not done
//! zero        ERASING_BUSINESS business                   this business's erasure was begun and is not done; its account, if that goes too
//! zero        CONVERSATION     –                          the day on which conversations that are over were ended last
//! zero        PEPPER           –                          the key of all partitions
//! zero        LEASE            –                          which of several relays acts
//! counter     METER            tally                      messages
//! counter     USAGE            usage key, no account      units that were delivered or read
//! counter     SENT             usage key, no account      units that were sealed to their user
//! counter     LEDGER_COUNTS    usage key, no account      messages that were delivered or read, as the carrier counts
//! counter     LEDGER_MESSAGES  the same ‖ tag             each of them: 1
//! ```
//!
//! Days are those on which a record was made, except under MESSAGE, CONTENT, SEEN, ASKED, MEDIA,
//! MEDIA_CHUNK, UPLOAD and RECEIVED_MEDIA, where it is the id's own. What has a day dies with it; HEAD and
//! CONVERSATION end when nothing is left under MESSAGE, SEEN, ASKED, OUTBOX, EVENTS, HELD, DEFERRED,
//! DEAD_LETTERS and REPORTABLE. OUTBOX, EVENTS, HELD and DEFERRED are queues and are read in the order of
//! their places: a clock that is ahead for a moment puts nothing before what came earlier.

use bulla_base::{Day, MessageId, Partition, PhoneNumberId, Timestamp};
use bulla_store::{Key, Queue, Retention, Scan, Space};
use bytes::Bytes;

pub(crate) const MESSAGE: Space = Space::new(0x20);
pub(crate) const SEEN: Space = Space::new(0x21);
pub(crate) const HEAD: Space = Space::new(0x22);
pub(crate) const OUTBOX: Space = Space::new(0x23);
pub(crate) const EVENTS: Space = Space::new(0x24);
pub(crate) const CONTACT: Space = Space::new(0x25);
pub(crate) const ONCE: Space = Space::new(0x26);
pub(crate) const BUSY: Space = Space::new(0x27);
pub(crate) const PEPPER: Space = Space::new(0x28);
pub(crate) const METER: Space = Space::new(0x29);
pub(crate) const ERASING: Space = Space::new(0x2a);
pub(crate) const ERASING_BUSINESS: Space = Space::new(0x2b);
pub(crate) const CONVERSATION: Space = Space::new(0x2c);
pub(crate) const KEY: Space = Space::new(0x2d);
pub(crate) const HELD: Space = Space::new(0x2e);
pub(crate) const WAITING: Space = Space::new(0x2f);
pub(crate) const CONTENT: Space = Space::new(0x61);
pub(crate) const ASKED: Space = Space::new(0x60);
pub(crate) const LEASE: Space = Space::new(0x67);
pub(crate) const DUE: Space = Space::new(0x66);
pub(crate) const DEAD_LETTERS: Space = Space::new(0x63);
pub(crate) const DEFERRED: Space = Space::new(0x64);
pub(crate) const RECIPIENT: Space = Space::new(0x65);
pub(crate) const MEDIA: Space = Space::new(0x68);
pub(crate) const MEDIA_CHUNK: Space = Space::new(0x69);
pub(crate) const TEMPLATE: Space = Space::new(0x74);
pub(crate) const TEMPLATE_ID: Space = Space::new(0x75);
pub(crate) const TEMPLATE_COUNT: Space = Space::new(0x76);
pub(crate) const ACCOUNT_EVENT: Space = Space::new(0x77);
pub(crate) const GATE: Space = Space::new(0x78);
pub(crate) const CONFIGURATION: Space = Space::new(0x79);
pub(crate) const CONFIGURATION_COUNT: Space = Space::new(0x7a);
pub(crate) const STANDING: Space = Space::new(0x7b);
pub(crate) const RECEIVED_MEDIA: Space = Space::new(0x6a);
pub(crate) const USAGE: Space = Space::new(0x6b);
pub(crate) const SENT: Space = Space::new(0x6c);
pub(crate) const UPLOAD: Space = Space::new(0x6d);
pub(crate) const VOLUME_TIER: Space = Space::new(0x6e);
pub(crate) const REPORTABLE: Space = Space::new(0x6f);
pub(crate) const LEDGER_COUNTS: Space = Space::new(0x7f);
pub(crate) const LEDGER_MESSAGES: Space = Space::new(0x80);

/// What names of records of one business's conversation begin with.
pub(crate) fn of(business: PhoneNumberId) -> Bytes {
    Bytes::copy_from_slice(&business.number().to_be_bytes())
}

/// A record of `space` about the message or envelope `id`.
pub(crate) fn about(space: Space, business: PhoneNumberId, id: MessageId) -> Key {
    Key::dated(space, id.day(), named(business, id.as_bytes()))
}

/// The queue in `space` of the conversation of `business` with the user whose partition is `user`.
pub(crate) fn queue(space: Space, business: PhoneNumberId, user: Partition) -> Queue {
    Queue::new(user, space, of(business))
}

/// A record of `space` under any other name.
pub(crate) fn named(business: PhoneNumberId, name: &[u8]) -> Bytes {
    [&business.number().to_be_bytes(), name].concat().into()
}

/// All records of `space` that one business's conversation can still have at `now`.
pub(crate) fn all(space: Space, now: Timestamp) -> Scan {
    let oldest = now.before(Retention::LONGEST.span()).day();
    // A clock that has jumped back does not hide what was made before it did.
    Scan::dated(space, oldest..=Day::from_number(now.day().number().saturating_add(31)))
}

/// The first day of which something can still be read at `now`: what was made on a day is whole until its
/// last moment is 30 days past, and an id's day may lie one ahead.
pub(crate) fn oldest_day(now: Timestamp) -> Day {
    now.before(Retention::LONGEST.span()).day().minus(1)
}
