//! What somebody shows the carrier of what was sent to them.

mod reason;
mod reported_message;

use std::fmt;

use bulla_base::{Address, Party};
use zeroize::Zeroizing;

use crate::byte_reader::ByteReader;
use crate::error::at_most;
use crate::limits::{MAX_NOTE_BYTES, MAX_REPORT_BYTES, MAX_REPORTED_MESSAGES};
use crate::{InvalidForm, NotProven, StampKeys};

pub use self::reason::Reason;
pub use self::reported_message::ReportedMessage;

const FORM: u8 = 1;

/// Up to five messages of one sender, and why their recipient reports them.
///
/// ```text
/// form 1 ‖ reason ‖ flags ‖ len ‖ note ‖ count ‖ messages
/// message = id (16) ‖ len ‖ from ‖ kind (u32) ‖ category, or 0 ‖ stamp (44) ‖ len (u32) ‖ plaintext
/// ```
///
/// Who reports is not in it: that is whoever was authenticated. Nothing of what was said is parsed.
///
/// # Security
/// It holds what was said. It is wiped when it is dropped, and does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    reason: Reason,
    blocks: bool,
    note: Zeroizing<String>,
    messages: Vec<ReportedMessage>,
}

impl Report {
    /// A report of `messages`, all of one party.
    ///
    /// # Errors
    /// When there are none, more than [`MAX_REPORTED_MESSAGES`], two with one id, or some of another party.
    pub fn new(reason: Reason, messages: Vec<ReportedMessage>) -> Result<Self, InvalidForm> {
        let field = |expected| InvalidForm::Field { field: "report", expected };
        at_most("messages", MAX_REPORTED_MESSAGES as u64, messages.len() as u64)?;
        let first = messages.first().ok_or(field("a message"))?;
        if messages.iter().any(|message| message.from().party() != first.from().party()) {
            return Err(field("messages of one party"));
        }
        let is_repeated = |(place, message): (usize, &ReportedMessage)| {
            messages.iter().take(place).any(|before| before.id() == message.id())
        };
        match messages.iter().enumerate().any(is_repeated) {
            true => Err(field("each message once")),
            false => Ok(Self { reason, blocks: false, note: Zeroizing::default(), messages }),
        }
    }

    /// Reads what [`Report::to_bytes`] wrote, and no other form.
    ///
    /// # Errors
    /// When the bytes are of another form, or too many.
    ///
    /// # Cost
    /// A copy of what was said, once.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        at_most("report (bytes)", MAX_REPORT_BYTES as u64, bytes.len() as u64)?;
        let field = |expected| InvalidForm::Field { field: "report", expected };
        let mut reader = ByteReader::new(bytes, "report");
        reader.form(FORM)?;
        let reason = Reason::from_code(reader.u8()?).ok_or(field("a reason"))?;
        let blocks = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(field("flags that are known")),
        };
        let length = usize::from(reader.u16()?);
        let note = std::str::from_utf8(reader.bytes(length)?).map_err(|_| field("a note in UTF-8"))?;
        let count = reader.u8()?;
        at_most("messages", MAX_REPORTED_MESSAGES as u64, u64::from(count))?;
        let messages = (0..count).map(|_| ReportedMessage::read(&mut reader)).collect::<Result<_, _>>()?;
        reader.end()?;
        let report = Self::new(reason, messages)?.with_note(note)?;
        Ok(if blocks { report.and_block() } else { report })
    }

    /// The same, and the reporter wants to hear from the sender no more.
    #[must_use]
    pub const fn and_block(mut self) -> Self {
        self.blocks = true;
        self
    }

    /// The same, with what the reporter says to it.
    ///
    /// # Errors
    /// When that is more than [`MAX_NOTE_BYTES`].
    pub fn with_note(mut self, note: &str) -> Result<Self, InvalidForm> {
        at_most("note (bytes)", MAX_NOTE_BYTES as u64, note.len() as u64)?;
        self.note = Zeroizing::new(note.to_owned());
        Ok(self)
    }

    /// The report as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let Self { reason, blocks, note, messages } = self;
        // Room for all of it at once: what is outgrown is not wiped.
        let length = 6 + note.len() + messages.iter().map(ReportedMessage::length).sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.extend_from_slice(&[FORM, reason.code(), u8::from(*blocks)]);
        // Both were measured.
        bytes.extend_from_slice(&u16::try_from(note.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(note.as_bytes());
        bytes.push(u8::try_from(messages.len()).unwrap_or(u8::MAX));
        messages.iter().for_each(|message| message.write(&mut bytes));
        bytes
    }

    /// Checks that each of its messages was accepted as it says, for `reporter`: the party and device that
    /// was authenticated, never what anybody claims.
    ///
    /// # Errors
    /// [`NotProven`], of the first that was not.
    ///
    /// # Cost
    /// Two HMACs a message: one over its plaintext, one over 130 bytes.
    ///
    /// # Security
    /// It counts once only: whoever takes it in remembers the ids, by reporter and sender, for as long as
    /// there are keys.
    pub fn verify(&self, reporter: &Address, keys: &StampKeys) -> Result<(), NotProven> {
        for message in &self.messages {
            let accepted = message.acceptance(reporter).ok_or(NotProven::NotSent)?;
            match keys.verify(&accepted, message.stamp()) {
                Some(true) => {}
                Some(false) => return Err(NotProven::NotSent),
                None => return Err(NotProven::TooOld),
            }
        }
        Ok(())
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether the reporter wants to hear from the sender no more.
    #[must_use]
    pub const fn blocks(&self) -> bool {
        self.blocks
    }

    /// What the reporter says to it.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Whom it is about.
    #[must_use]
    pub fn reported(&self) -> Option<&Party> {
        self.messages.first().map(|message| message.from().party())
    }

    /// The messages, one at least.
    #[must_use]
    pub fn messages(&self) -> &[ReportedMessage] {
        &self.messages
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, blocks, note: _, messages } = self;
        (f.debug_struct("Report").field("reason", reason).field("blocks", blocks))
            .field("messages", messages)
            .finish_non_exhaustive()
    }
}
