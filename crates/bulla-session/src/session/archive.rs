//! Sessions that were replaced, kept for messages still under way.

use bulla_spqr::wiped_bytes::Wiped;

use super::serialization::{Stored, put_u32};
use super::split_storage::StoredPart;
use super::state::Session;
use crate::error::StoredError;
use crate::limits::{MAX_ARCHIVE_BYTES, MAX_ARCHIVED_SESSIONS, MAX_SESSION_BYTES};

/// The newest [`MAX_ARCHIVED_SESSIONS`] of them, oldest first.
///
/// They stay in their stored form, each behind its length in four bytes, whose highest bit says whether it is
/// retired: most messages never look at them, so loading and storing a record copies one run of bytes however
/// many there are. What an archived session holds is therefore examined only when it is tried; one that
/// cannot be read is passed over.
#[derive(Default)]
pub(super) struct Archive {
    bytes: Wiped,
    count: usize,
    /// How they stand to the caller's record of them.
    record: Record,
}

/// In a frame's length: the session opens, and is not put in use again.
const RETIRED: u32 = 1 << 31;

/// Where an archived session stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    /// How many are older.
    number: usize,
    pub(super) is_retired: bool,
}

/// An archived session in its stored form.
#[derive(Clone, Copy, Default)]
pub(super) struct Frame<'a> {
    pub(super) place: Place,
    pub(super) session: &'a [u8],
}

/// How an archive stands to a record of its own.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Record {
    /// There is none.
    #[default]
    Absent,
    /// It has not been read.
    NotLoaded,
    /// It holds the same.
    Same,
    /// It holds something else.
    Changed,
}

/// What becomes of the archive's record.
pub(super) enum RecordChange<'a> {
    None,
    Put(&'a [u8]),
    Delete,
}

impl Archive {
    pub(super) fn from_bytes(count: u8, bytes: &[u8]) -> Result<Self, StoredError> {
        let count = usize::from(count);
        if count > MAX_ARCHIVED_SESSIONS {
            return Err(StoredError::Value { field: "archived sessions" });
        }
        if bytes.len() > MAX_ARCHIVE_BYTES {
            return Err(StoredError::TooLong { most: MAX_ARCHIVE_BYTES, actual: bytes.len() });
        }
        let mut from = Stored::new(bytes);
        // Here, so that whoever reads frames later need not fail.
        for number in 0..count {
            if Frame::read(number, &mut from)?.session.len() > MAX_SESSION_BYTES {
                return Err(StoredError::Value { field: "archived session" });
            }
        }
        from.end()?;
        let bytes = if bytes.is_empty() { Vec::new() } else { bytes.to_vec() };
        Ok(Self { bytes: Wiped::from(bytes), count, record: Record::Absent })
    }

    /// So many sessions in a record of their own, unless there are none.
    pub(super) fn in_store(count: u8) -> Result<Self, StoredError> {
        let count = usize::from(count);
        if count > MAX_ARCHIVED_SESSIONS {
            return Err(StoredError::Value { field: "archived sessions" });
        }
        let record = if count == 0 { Record::Absent } else { Record::NotLoaded };
        Ok(Self { bytes: Wiped::default(), count, record })
    }

    pub(super) fn load(&mut self, bytes: &[u8]) -> Result<(), StoredError> {
        match self.record {
            Record::NotLoaded => {
                *self =
                    Self { record: Record::Same, ..Self::from_bytes(self.count.to_le_bytes()[0], bytes)? };
                Ok(())
            }
            Record::Absent => Err(StoredError::Surplus { part: StoredPart::Archive }),
            // It is here, and may have changed since: what is stored would undo that.
            Record::Same | Record::Changed => Ok(()),
        }
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.record != Record::NotLoaded
    }

    /// What becomes of the record.
    pub(super) fn change(&self) -> RecordChange<'_> {
        let bytes = Some(self.as_bytes()).filter(|_| self.count != 0);
        match (self.record, bytes) {
            (Record::NotLoaded | Record::Same, _) | (Record::Absent, None) => RecordChange::None,
            (Record::Absent | Record::Changed, Some(bytes)) => RecordChange::Put(bytes),
            (Record::Changed, None) => RecordChange::Delete,
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Says that what [`change`](Self::change) says has been done.
    pub(super) fn note_stored(&mut self) {
        if self.is_loaded() {
            self.record = if self.count == 0 { Record::Absent } else { Record::Same };
        }
    }

    /// The sessions, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = Frame<'_>> {
        // Frames can be walked from the oldest on only, while the newest is wanted first.
        let mut frames = [Frame::default(); MAX_ARCHIVED_SESSIONS];
        let mut from = Stored::new(&self.bytes);
        for (number, frame) in frames.iter_mut().take(self.count).enumerate() {
            // The lengths were checked when the bytes came in, so no frame is ever cut short here.
            *frame = Frame::read(number, &mut from).unwrap_or_default();
        }
        frames.into_iter().take(self.count).rev()
    }

    /// Retires every session that is here.
    pub(super) fn retire(&mut self) {
        for number in 0..self.count {
            let offset = self.offset(number);
            if let Some(highest) = self.bytes.get_mut(offset) {
                *highest |= RETIRED.to_be_bytes()[0];
            }
        }
        self.note_change();
    }

    /// Adds a session as the newest, without what it would need to be started; beyond the limits the oldest
    /// go.
    pub(super) fn push(&mut self, session: Box<Session>) {
        self.push_as(session, 0);
    }

    /// As [`push`](Self::push), retired.
    pub(super) fn push_retired(&mut self, session: Box<Session>) {
        self.push_as(session, RETIRED);
    }

    fn push_as(&mut self, mut session: Box<Session>, retired: u32) {
        // Nothing is sealed in it until a message comes in it, and that answers what is pending.
        session.pending = None;
        let length = session.stored_len();
        let mut first = usize::from(self.count == MAX_ARCHIVED_SESSIONS);
        while first < self.count && self.bytes.len() - self.offset(first) + 4 + length > MAX_ARCHIVE_BYTES {
            first += 1;
        }
        // Room for all at once: to grow would leave a copy behind that is not wiped.
        let mut bytes = Wiped::with_capacity(self.bytes.len() + 4 + length);
        bytes.extend_from_slice(self.bytes.get(self.offset(first)..).unwrap_or_default());
        put_u32(&mut *bytes, u32::try_from(length).unwrap_or(RETIRED - 1) | retired);
        session.store(&mut bytes);
        self.bytes = bytes;
        self.count = self.count + 1 - first;
        self.note_change();
    }

    /// Takes the session at this place away.
    pub(super) fn remove(&mut self, Place { number, .. }: Place) {
        if number >= self.count {
            return;
        }
        let (start, end) = (self.offset(number), self.offset(number + 1));
        // Into a buffer of its own, so that what is taken away is wiped with the old one.
        let mut bytes = Wiped::with_capacity(self.bytes.len());
        bytes.extend_from_slice(self.bytes.get(..start).unwrap_or_default());
        bytes.extend_from_slice(self.bytes.get(end..).unwrap_or_default());
        self.bytes = bytes;
        self.count -= 1;
        self.note_change();
    }

    fn note_change(&mut self) {
        if self.record == Record::Same {
            self.record = Record::Changed;
        }
    }

    /// Where the frame with this number starts.
    fn offset(&self, number: usize) -> usize {
        let mut from = Stored::new(&self.bytes);
        let mut offset = 0;
        for number in 0..number {
            let Ok(frame) = Frame::read(number, &mut from) else { break };
            offset += 4 + frame.session.len();
        }
        offset
    }
}

impl<'a> Frame<'a> {
    fn read(number: usize, from: &mut Stored<'a>) -> Result<Self, StoredError> {
        let word = from.u32("archived session")?;
        let length = usize::try_from(word & !RETIRED).unwrap_or(usize::MAX);
        let session = from.take("archived session", length)?;
        Ok(Self { place: Place { number, is_retired: word & RETIRED != 0 }, session })
    }
}
