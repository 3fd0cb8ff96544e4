//! Everything a client of the API could make grow.

use std::time::Duration;

/// The longest request body, in bytes. A longer one is refused. What stands in it and means nothing here is
/// walked over, so one that is read takes at most four times as much; one with contacts takes 4 MiB.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// How much of the body of a refused request is read away, in bytes, so that the connection can go on. After
/// a longer one the connection is closed, and the answer says so.
pub const MAX_DRAINED_BYTES: usize = MAX_BODY_BYTES;

/// How long the rest of the body of a refused request may take to arrive. After that the connection is
/// closed, and the answer says so.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the body of a request may take to arrive. A slower one is refused; what came of it is thrown
/// away.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest bearer token, in bytes. A longer one is answered like any other that opens nothing.
pub const MAX_TOKEN_BYTES: usize = 1024;

/// The longest `to`, in characters as it was written: fifteen digits and all that people put between them. It
/// is sent back verbatim.
pub const MAX_TO_CHARS: usize = 64;

/// How large the head of a request may be, in bytes: its first line and all its fields. A larger one is
/// answered with HTTP 431, without a body, and the connection closed.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How long a client may take for the head of a request, and for its first one from when it came. After that
/// the connection is closed without an answer.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may wait for its next request. Then it is closed. It is longer than most clients'
/// own patience, who could otherwise send their next request just when it is closed.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a client may not take anything of an answer. After that the connection is closed.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection that ends with a refusal stays open for a client that is still sending, so that it
/// can read the answer. Whoever sends longer may lose it.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(10);

/// How much such a client may send meanwhile, in bytes: a little more than the largest file the original
/// takes. Whoever sends more may lose the answer.
pub const MAX_LINGER_BYTES: usize = 128 * 1024 * 1024;

/// For how long a browser need not ask again whether a page may make a request. What is allowed meanwhile is
/// known to it that much later; most browsers ask sooner all the same.
pub const PREFLIGHT_LIFE: Duration = Duration::from_secs(7200);

/// How long a request may wait for room, when as many as may be are under way. After that it is asked to try
/// again.
pub const ROOM_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest form with a file, in bytes: the largest document, and what stands around it. A longer one is
/// refused where it says so, or else when it has come so far.
pub const MAX_FORM_BYTES: u64 = (100 << 20) + (64 << 10);

/// The longest field of a form beside its file, in bytes. A longer one is refused.
pub const MAX_FORM_FIELD_BYTES: usize = 1024;

/// How long a form with a file may take to arrive, whatever its pace; and no piece of it longer than
/// [`BODY_TIMEOUT`].
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(600);

/// How much of a form may come without anything in it that is given on, in bytes: the heads of its parts, and
/// parts that nobody asked for. More is refused, since it would be held in memory.
pub(crate) const MAX_FORM_BUFFER_BYTES: u64 = 128 * 1024;

/// How many bytes memory is counted with for a form with a file while it comes: the buffer above, a chunk
/// that is filled, and as many as may be being stored.
pub(crate) const FORM_MEMORY_BYTES: usize = 1024 * 1024;

/// How many digits the length of a file has at most, in bytes.
pub(crate) const MAX_LENGTH_DIGITS: usize = 20;

/// How many chunks of a file may be on their way to the disk at once.
pub(crate) const MAX_CHUNKS_UNDER_WAY: usize = 2;

/// By how many of its first bytes it is told what a file is.
pub(crate) const SNIFFED_BYTES: usize = 1024;

/// For how many minutes a button that calls the business may do so: thirty days.
pub(crate) const MAX_CALL_MINUTES: u32 = 43_200;

/// How many requests one batch has at most, and how many objects are asked for by their ids. More are
/// refused.
pub(crate) const MAX_BATCH: usize = 50;

/// After how many bytes of answers no more parts of a batch are carried out. The others are answered with an
/// error that says so.
pub(crate) const MAX_BATCH_REPLY_BYTES: usize = 1024 * 1024;

/// The most that one page of a list has.
pub(crate) const MAX_LISTED: usize = 100;

/// The least id of a flow: 15 digits, one fewer than ids of templates have.
pub(crate) const FIRST_FLOW_ID: u64 = 100_000_000_000_000;

/// How many ids of flows there are.
pub(crate) const FLOW_IDS: u64 = 900_000_000_000_000;

/// How many letters a code has that leads to a number.
pub(crate) const QR_CODE_CHARS: usize = 14;

/// The longest link of which there is a picture, in bytes. Of a longer one, which a host has said or a client
/// has called it by, there is none: a picture is drawn for each request, in time that grows with its square.
pub(crate) const MAX_PICTURED_LINK_BYTES: usize = 512;

/// How many modules of white stand around the modules of a picture.
pub(crate) const QUIET_MODULES: usize = 4;

/// How many pixels a module of a picture is wide and high: whole bytes of pixels.
pub(crate) const PICTURE_MODULE_PIXELS: usize = 8;

/// The longest URL of a callback, in characters. A longer one is refused.
pub(crate) const MAX_CALLBACK_CHARS: usize = 2048;

/// The longest verify token of a callback, in characters. A longer one is refused.
pub(crate) const MAX_VERIFY_TOKEN_CHARS: usize = 512;

/// How many handshakes with callbacks are under way at once. Who asks for another is told to try again.
pub(crate) const MAX_HANDSHAKES: usize = 16;

/// How many fields an app subscribes to. More are refused.
pub(crate) const MAX_WEBHOOK_FIELDS: usize = 64;

/// The longest name of one, in characters.
pub(crate) const MAX_WEBHOOK_FIELD_CHARS: usize = 64;

/// The longest link to a file, in characters. A longer one is refused.
pub const MAX_LINK_CHARS: usize = 2048;

/// How many links stand in one request at most: one in the header of a template, and one in that of each of
/// its ten cards. The same twice is one. A request with more is refused.
pub(crate) const MAX_LINKS: usize = 11;

/// How long all files of one request may take to be fetched. After that it is refused.
pub(crate) const LINKS_TIMEOUT: Duration = Duration::from_secs(60);

/// How many files are fetched from links at once. Others wait, within [`ROOM_TIMEOUT`].
pub(crate) const MAX_FETCHES: usize = 16;

/// How many of them for one number, so that slow files of one business leave places to the others.
pub(crate) const MAX_FETCHES_OF_NUMBER: usize = 4;

/// How many links it is remembered of that they were fetched, at most. Beyond it all are forgotten, and
/// fetched again when they come: some 100 bytes each.
pub(crate) const CACHED_LINKS: usize = 4096;

/// How long it is remembered: ten minutes, as by the API whose clients are served.
pub(crate) const LINK_CACHE_SPAN: Duration = Duration::from_secs(600);

/// How many of anything are listed when nobody says how many.
pub(crate) const LISTED: usize = 25;

/// The longest request that configures something, in bytes: it is read into a tree, which takes some sixteen
/// times as much at worst. A longer one is refused.
pub(crate) const MAX_PARAMETERS_BYTES: usize = 64 * 1024;

/// The longest body of a request for the app's token, in bytes: it is read of whoever sends it, before
/// anything was shown. A longer one is refused.
pub(crate) const MAX_STRANGER_BYTES: usize = 4096;

/// How many such bodies are read at once. Who comes beyond them is asked to try again; who says all in the
/// query is answered.
pub(crate) const MAX_STRANGERS: usize = 16;

/// How many fields can be asked for of an answer, and how deep within each other. More are refused.
pub(crate) const MAX_FIELDS: usize = 128;

/// How deep within each other.
pub(crate) const MAX_FIELD_DEPTH: usize = 4;

/// How many arguments stand behind one field, such as `.limit(3)`. A field with more is refused.
pub(crate) const MAX_FIELD_ARGUMENTS: usize = 16;

/// How far back figures are told: a year, be it a leap year.
pub(crate) const ANALYTICS_SPAN: Duration = Duration::from_secs(366 * 24 * 3600);

/// The longest list that figures are asked by, of numbers or countries, in characters.
pub(crate) const MAX_ANALYTICS_CHARS: usize = 4096;

/// How many points an answer with figures has: the half hours of 85 days, some hundred bytes each. A request
/// for more is refused.
pub(crate) const MAX_ANALYTICS_POINTS: usize = 4096;

/// Of how many counts figures are put together, which is what they cost to read: in 64 pages. A request that
/// takes more is refused.
pub(crate) const MAX_ANALYTICS_ROWS: usize = 1 << 18;

/// How often a change is tried that meets another one.
pub(crate) const CHANGE_ATTEMPTS: usize = 5;

/// The longest `about` of a profile, in characters, as by the API whose clients are served.
pub(crate) const MAX_ABOUT_CHARS: usize = 139;

/// The longest description of a profile.
pub(crate) const MAX_DESCRIPTION_CHARS: usize = 512;

/// The longest e-mail address of a profile.
pub(crate) const MAX_EMAIL_CHARS: usize = 128;

/// The longest address, website or other short text.
pub(crate) const MAX_SHORT_CHARS: usize = 256;

/// The largest picture of a profile, in bytes, as by the API whose clients are served. A larger one is
/// refused.
pub(crate) const MAX_PICTURE_BYTES: u64 = 5 << 20;

/// How many pieces of pictures are read at a time when old ones are looked for.
pub(crate) const PIECES_AT_ONCE: usize = 2;

/// How many random bytes tell a picture from others of the same number.
pub(crate) const PICTURE_ID_BYTES: usize = 16;

/// How many websites a profile has.
pub(crate) const MAX_WEBSITES: usize = 2;

/// The longest name of a number or a flow, in characters.
pub(crate) const MAX_NAME_CHARS: usize = 128;

/// How many prompts a number offers to who begins.
pub(crate) const MAX_PROMPTS: usize = 4;

/// The longest of them, in characters.
pub(crate) const MAX_PROMPT_CHARS: usize = 80;

/// How many commands a number offers.
pub(crate) const MAX_COMMANDS: usize = 30;

/// The longest name of one, in characters.
pub(crate) const MAX_COMMAND_CHARS: usize = 32;

/// The longest hint of what one does, in characters.
pub(crate) const MAX_HINT_CHARS: usize = 256;

/// The longest words of a code that leads to a number, in characters.
pub(crate) const MAX_PREFILLED_CHARS: usize = 140;

/// How many users one request can block.
pub(crate) const MAX_BLOCKED_TOGETHER: usize = 1000;

/// How often within [`REGISTRATION_PERIOD`] a number is registered, deregistered, or has a code asked for.
pub(crate) const MAX_REGISTRATIONS: usize = 10;

/// Three days.
pub(crate) const REGISTRATION_PERIOD: Duration = Duration::from_secs(72 * 3600);

/// How many wrong PINs are taken within [`PIN_PERIOD`]. Of a million that there are, somebody who guesses
/// tries 10 in three days.
pub(crate) const MAX_PIN_GUESSES: usize = 5;

/// Within how long wrong PINs are counted.
pub(crate) const PIN_PERIOD: Duration = Duration::from_secs(12 * 3600);

/// How long a code is good that was told to whoever holds a number.
pub(crate) const CODE_LIFE: Duration = Duration::from_secs(600);

/// How many wrong codes are taken before another one has to be asked for.
pub(crate) const MAX_CODE_GUESSES: u64 = 5;

/// In how many languages a template is created or changed at once. More are refused.
pub(crate) const MAX_TRANSLATIONS: usize = 100;

/// How many components a template has at most in a request, or one of its cards: a header, a body, ten
/// buttons, and room for more.
pub(crate) const MAX_COMPONENTS: usize = 16;

/// How many items of a list are kept that is read item by item, at most: more than any of them may have.
pub(crate) const MAX_LISTED_ITEMS: usize = 128;

/// Bodies up to this many bytes do not count when room is made for bodies: those of most messages.
pub(crate) const SMALL_BODY_BYTES: u32 = 16 * 1024;

/// How long to wait for a connection that was asked to leave before another one is asked too: it may just
/// have got a request.
pub(crate) const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to wait after a connection could not be accepted, the first time; then twice as long each time.
pub(crate) const FIRST_ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// The longest such wait.
pub(crate) const LONGEST_ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Of so many of an account's numbers it is looked how they stand with the carrier when it is asked how the
/// account does, until there is one that may send.
pub(crate) const MAX_STANDINGS_READ: usize = 64;

/// That no connection can be accepted is told once in so long, while the reason stays the same.
pub(crate) const ACCEPT_TOLD_EVERY: Duration = Duration::from_secs(60);

/// How long a failure on our side must not have been seen to be told to the operator again.
pub(crate) const FAILURE_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// How many requests of one connection of HTTP/2 may be under way. More are refused by the protocol.
#[cfg(feature = "tls")]
pub(crate) const MAX_STREAMS: u32 = 32;

/// How many bytes of one such request may be on their way to us, and how many of all of a connection.
#[cfg(feature = "tls")]
pub(crate) const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
#[cfg(feature = "tls")]
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 512 * 1024;

/// How many bytes of one answer wait to be written.
#[cfg(feature = "tls")]
pub(crate) const STREAM_BUFFER_BYTES: usize = 32 * 1024;

/// How many requests of a connection may be taken back before they were seen, and how many broken ones may be
/// refused by HTTP/2 itself. The connection ends with the next.
#[cfg(feature = "tls")]
pub(crate) const MAX_BROKEN_STREAMS: usize = 32;

/// How much is read at once of what nobody wants, in bytes.
pub(crate) const DRAIN_PIECE_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod described;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is documented, worked out by hand.
    #[test]
    fn every_bound_has_its_documented_value() {
        assert_eq!((MAX_BODY_BYTES, MAX_DRAINED_BYTES, SMALL_BODY_BYTES), (262_144, 262_144, 16_384));
        assert_eq!((MAX_HEAD_BYTES, MAX_LINGER_BYTES), (16_384, 134_217_728));
        assert_eq!((MAX_TOKEN_BYTES, MAX_TO_CHARS, MAX_CALL_MINUTES), (1_024, 64, 43_200));
        assert_eq!((MAX_CALLBACK_CHARS, MAX_VERIFY_TOKEN_CHARS, MAX_HANDSHAKES), (2_048, 512, 16));
        assert_eq!((MAX_STRANGER_BYTES, MAX_STRANGERS), (4_096, 16));
    }
}
