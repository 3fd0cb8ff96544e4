//! What a card, a statement and what two sides exchange can be too much of.

/// The longest id of a rate card, in bytes. A longer one is refused.
pub const MAX_CARD_ID_BYTES: usize = 64;

/// The longest name of a time zone, in bytes; a longer one is refused. The longest of the public database has
/// some 30.
pub const MAX_ZONE_NAME_BYTES: usize = 64;

/// The most changes of a zone's offset that are held: with two a year, more than a century. A zone with more
/// is refused; make it of fewer years.
pub const MAX_ZONE_CHANGES: usize = 256;

/// The most dates from which something of a rate card is valid. A card with more is refused; begin a new one.
pub const MAX_CARD_DATES: usize = 64;

/// The most rules of a rate card. One says what each of the 32 cases is from one date, so this is all that
/// [`MAX_CARD_DATES`] can take.
pub const MAX_CARD_RULES: usize = 32 * MAX_CARD_DATES;

/// The most prices of a rate card. One with more is refused. Six categories in 230 markets take 1,400, and
/// five tiers each 7,000.
pub const MAX_CARD_PRICES: usize = 65_536;

/// The most allotments of a rate card. One with more is refused.
pub const MAX_CARD_ALLOTMENTS: usize = 256;

/// The most tiers of one price, so that a tier fits its byte. A card with more is refused.
pub const MAX_TIERS: usize = 255;

/// The largest price of one unit, in micro-units: 10¹², a million of the currency. A larger one is refused,
/// so that no sum of 2⁶⁴ units leaves 128 bits.
pub const MAX_PRICE_MICROS: u64 = 1_000_000_000_000;

/// The most versions of one message's facts that an entry of the ledger holds. Of more, those that stand last
/// in order are counted as conflicting, and forgotten.
pub const MAX_VARIANTS: usize = 4;

/// The most rows of a statement. What would have more is refused: state a shorter period.
pub const MAX_STATEMENT_ROWS: usize = 1 << 20;

/// The most adjustments of a statement. What would have more is refused: the rest stands in the next one.
pub const MAX_STATEMENT_ADJUSTMENTS: usize = 1 << 16;

/// The most leaves of a statement: 2²⁴, some 800 MB in a file. What would have more is refused: state a
/// shorter period.
pub const MAX_STATEMENT_LEAVES: usize = 1 << 24;

/// The longest reason of a dispute or an adjustment, in bytes. A longer one is refused.
pub const MAX_REASON_BYTES: usize = 200;

/// How late an event may come and still count in its period, in minutes: three days. What comes later is an
/// adjustment of the next statement.
pub const GRACE_MINUTES: u32 = 3 * 24 * 60;

/// The most places that one side asks about at once when two compare their leaves. A longer question is
/// refused; the rest is asked next.
pub const MAX_PLACES_ASKED: usize = 256;

/// The most places that are asked about in one comparison: a million. Where more differ, the two sides have
/// little in common, and the comparison ends with an error.
pub const MAX_PLACES_COMPARED: usize = 1 << 20;

/// The most parts that the answer about one place has. A longer answer is refused.
pub const MAX_PARTS: usize = 1024;

/// A range of so many leaves or fewer is told leaf by leaf.
pub const MAX_LEAVES_TOLD: usize = 16;

/// The most bytes of what a relay and who bills tell each other at once: 512 KiB, half of what the wire
/// takes. A statement that takes more is carried by the host.
pub const MAX_BILLING_BYTES: usize = 512 * 1024;

/// For how many days counts of deliveries are kept, unless the host says otherwise.
pub const LEDGER_DAYS: u32 = 400;

/// For how many days each delivered message is kept under its tag, unless the host says otherwise.
pub const LEDGER_MESSAGE_DAYS: u32 = 100;

/// The fewest days for which either can be kept: what was accepted 30 days ago may still be delivered, and a
/// clock may be a day ahead. Fewer count as so many.
pub const MIN_LEDGER_DAYS: u32 = 32;

/// How much of the stack is overwritten after something was signed, in bytes.
pub(crate) const SIGNING_STACK_BYTES: usize = 32 << 10;
