//! The engine's journals, byte by byte.
//!
//! ```text
//! batch   1 ‖ count (4) ‖ sequence number (8)    items    3 ‖ XXH3 of the items (8) ‖ "FJL" 3        little-endian
//! item    2 ‖ kind (1) ‖ compression (1) ‖ table (8) ‖ length of key (2) ‖ of value (4) ‖ as stored (4) ‖ key ‖ value
//! clear   4 ‖ table (8)
//! ```
//!
//! This is what fjall 3.1 writes with the options that we give it: kinds 0 to 2, compression 0. Anything else
//! is not taken for what it might mean, but told. The manifest of the workspace holds the engine to the
//! versions of which this is known.

use std::io::{self, ErrorKind, Read, Write};
use std::ops::Range;

use xxhash_rust::xxh3::Xxh3;

pub(crate) const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: [u8; 4] = *b"FJL\x03";

/// A value, a deletion, and a deletion of a value that was put once.
const MOST_KIND: u8 = 2;
const UNCOMPRESSED: u8 = 0;

/// The engine counts on from the highest, and ends the program when it comes to 2⁶³. No store gets here: at a
/// million batches a second it takes 146,000 years.
const MOST_SEQUENCE_NUMBER: u64 = 1 << 62;

/// What stands round the items of a batch.
pub(crate) const BATCH_HEAD_AND_TAIL_BYTES: usize = 13 + 13;

/// What stands before the key of an item.
pub(crate) const ITEM_HEAD_BYTES: usize = 21;

/// What begins at a place of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A batch as the engine writes them.
    Whole { bytes: u64, sequence_number: u64 },
    /// Something else stands in a place where only some bytes may stand.
    Strange {
        what: &'static str,
        /// Where that is, from the beginning of the frame.
        place: Range<u64>,
        /// Whether everything before it is as it was written, by the checksum.
        is_sure: bool,
    },
    /// The journal ends before the batch does.
    Cut {
        /// So many bytes tell how long it is.
        known: u64,
        /// At least so many it is said to have.
        claimed: u64,
    },
}

impl Frame {
    /// Reads the batch that begins here.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut reading = Reading { from, place: 0, claimed: 0, hash: Xxh3::new() };
        match reading.batch() {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Ok(Self::Cut { known: reading.place, claimed: reading.claimed })
            }
            read => read,
        }
    }
}

struct Reading<'a, R> {
    from: &'a mut R,
    /// So many bytes of it were read.
    place: u64,
    /// So many it has at least, by what was read.
    claimed: u64,
    /// Of the items.
    hash: Xxh3,
}

impl<R: Read> Reading<'_, R> {
    fn batch(&mut self) -> io::Result<Frame> {
        if self.bytes()? != [START] {
            return Ok(self.strange("beginning of a batch", 1));
        }
        let count = u32::from_le_bytes(self.bytes()?);
        let sequence_number = u64::from_le_bytes(self.bytes()?);
        if sequence_number > MOST_SEQUENCE_NUMBER {
            return Ok(self.strange("sequence number of a batch", 8));
        }
        self.hash = Xxh3::new();
        for _ in 0..count {
            if let Some(strange) = self.item()? {
                return Ok(strange);
            }
        }
        let hash = self.hash.digest();
        if self.bytes()? != [END] {
            return Ok(self.strange("end of a batch", 1));
        }
        let is_sure = u64::from_le_bytes(self.bytes()?) == hash;
        if self.bytes()? != TRAILER {
            let what = "trailer of a batch";
            return Ok(Frame::Strange {
                what,
                place: self.place - TRAILER.len() as u64..self.place,
                is_sure,
            });
        }
        if !is_sure {
            return Ok(Frame::Strange { what: "checksum of a batch", place: 0..self.place, is_sure });
        }
        Ok(Frame::Whole { bytes: self.place, sequence_number })
    }

    /// Says what is strange about the item that begins here, if anything is.
    fn item(&mut self) -> io::Result<Option<Frame>> {
        let content = match self.bytes()? {
            [ITEM] => {
                let [kind] = self.bytes()?;
                if kind > MOST_KIND {
                    return Ok(Some(self.strange("kind of a row", 1)));
                }
                let [compression] = self.bytes()?;
                if compression != UNCOMPRESSED {
                    return Ok(Some(self.strange("compression of a row", 1)));
                }
                let _table: [u8; 8] = self.bytes()?;
                let key = u16::from_le_bytes(self.bytes()?);
                let (value, stored): ([u8; 4], [u8; 4]) = (self.bytes()?, self.bytes()?);
                if value != stored {
                    return Ok(Some(self.strange("length of a row", 8)));
                }
                u64::from(key) + u64::from(u32::from_le_bytes(stored))
            }
            [CLEAR] => 8,
            _ => return Ok(Some(self.strange("row", 1))),
        };
        self.claimed = self.place + content;
        let copied = io::copy(&mut self.from.by_ref().take(content), &mut Hashing(&mut self.hash))?;
        if copied < content {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.place = self.claimed;
        Ok(None)
    }

    /// The last so many bytes are not what they may be.
    const fn strange(&self, what: &'static str, bytes: u64) -> Frame {
        Frame::Strange { what, place: self.place - bytes..self.place, is_sure: false }
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes)?;
        self.hash.update(&bytes);
        self.place += N as u64;
        Ok(bytes)
    }
}

struct Hashing<'a>(&'a mut Xxh3);

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(sequence_number: u64) -> Vec<u8> {
        let head = [&[START][..], &[0; 4], &sequence_number.to_le_bytes()].concat();
        [&head[..], &[END], &Xxh3::new().digest().to_le_bytes(), &TRAILER].concat()
    }

    #[test]
    fn sequence_numbers_are_taken_at_the_bound_and_strange_beyond() {
        let read = |number| Frame::read(&mut &batch(number)[..]).unwrap();
        let sequence_number = MOST_SEQUENCE_NUMBER;
        assert_eq!(read(sequence_number), Frame::Whole { bytes: 26, sequence_number });
        let strange = Frame::Strange { what: "sequence number of a batch", place: 5..13, is_sure: false };
        assert_eq!(read(sequence_number + 1), strange);
    }
}
