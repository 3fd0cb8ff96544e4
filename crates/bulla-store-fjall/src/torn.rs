//! The end of the newest journal, after a power cut.
//!
//! ```text
//! batch   1 ‖ count (4) ‖ sequence number (8)    items    3 ‖ XXH3 of the items (8) ‖ "FJL" 3        little-endian
//! item    2 ‖ kind (1) ‖ 0 ‖ table (8) ‖ length of key (2) ‖ of value (4) ‖ of value again (4) ‖ key ‖ value
//! clear   4 ‖ table (8)
//! ```
//!
//! The engine syncs every batch before it writes the next, so one batch at most can be torn: the last. A disk may have taken any of its
//! sectors, and the rest are zeros. If its frame is whole and its content is not, fjall 3.1 takes it for damage and opens nothing;
//! if damage elsewhere breaks a frame, it takes that for the end, and drops in silence what was acknowledged behind it. So we look first: a
//! torn last batch, of which nobody was told, is cut off; anything unreadable with a whole batch behind it is an error.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use crate::OpenError;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: [u8; 4] = *b"FJL\x03";

/// Cuts off a batch that was being written when the power went. The caller holds the lock: in a store that is in use such a batch is
/// being written now.
pub(crate) fn cut(folder: &Path) -> Result<(), OpenError> {
    let unreadable = |source| OpenError::Unreadable { source };
    let Some(path) = newest_journal(folder).map_err(unreadable)? else { return Ok(()) };
    match whole_part(&path).map_err(unreadable)? {
        End::Clean => Ok(()),
        End::Torn(whole) => {
            tracing::warn!(
                whole,
                "the last batch was being written when the power went; nobody was told of it"
            );
            truncate(&path, whole).map_err(unreadable)
        }
        End::Damaged => Err(OpenError::Damaged { what: "journal" }),
    }
}

fn truncate(journal: &Path, length: u64) -> io::Result<()> {
    let file = File::options().write(true).open(journal)?;
    file.set_len(length)?;
    file.sync_all()
}

fn newest_journal(folder: &Path) -> io::Result<Option<PathBuf>> {
    let files = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        files => files?,
    };
    let mut newest = None;
    for file in files {
        let path = file?.path();
        let number = path.file_stem().and_then(|name| name.to_str()?.parse::<u64>().ok());
        if path.extension().is_some_and(|end| end == "jnl") {
            newest = newest.max(number.map(|number| (number, path)));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

enum End {
    /// Only zeros, or nothing.
    Clean,
    /// After so many bytes comes what is not a whole batch, and no whole batch behind it.
    Torn(u64),
    Damaged,
}

fn whole_part(journal: &Path) -> io::Result<End> {
    let mut file = BufReader::with_capacity(1 << 18, File::open(journal)?);
    let mut whole = 0;
    while let Some(length) = batch(&mut file)? {
        whole += length;
    }
    file.seek(SeekFrom::Start(whole))?;
    let mut rest = Vec::new();
    read_until_zeros(&mut file, &mut rest)?;
    if rest.iter().all(|byte| *byte == 0) {
        return Ok(End::Clean);
    }
    for start in 1..rest.len() {
        let mut behind = rest.get(start..).unwrap_or_default();
        if behind.first() == Some(&START) && batch(&mut behind)?.is_some() {
            return Ok(End::Damaged);
        }
    }
    Ok(End::Torn(whole))
}

/// Reads to the last byte that is not zero. Room that was only reserved takes no memory.
fn read_until_zeros(file: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    let (mut zeros, mut piece) = (0, vec![0; 1 << 16]);
    loop {
        let length = file.read(&mut piece)?;
        let read = piece.get(..length).unwrap_or_default();
        if length == 0 {
            return Ok(());
        }
        if read.iter().all(|byte| *byte == 0) {
            zeros += length;
        } else {
            bytes.resize(bytes.len() + zeros, 0);
            bytes.extend(read);
            zeros = 0;
        }
    }
}

/// The length of the batch that begins here; `None` if there is no whole one.
fn batch(from: &mut impl Read) -> io::Result<Option<u64>> {
    match whole_batch(from) {
        Ok(found) => Ok(found),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn whole_batch(from: &mut impl Read) -> io::Result<Option<u64>> {
    if bytes(from)? != [START] {
        return Ok(None);
    }
    let count = u32::from_le_bytes(bytes(from)?);
    let _sequence_number: [u8; 8] = bytes(from)?;
    let (mut length, mut hash) = (13, Xxh3::new());
    for _ in 0..count {
        let [tag] = bytes(from)?;
        hash.update(&[tag]);
        length += 1;
        let content = match tag {
            ITEM => {
                let head: [u8; 20] = bytes(from)?;
                hash.update(&head);
                length += 20;
                let [_, _, _, _, _, _, _, _, _, _, k0, k1, v0, v1, v2, v3, w0, w1, w2, w3] = head;
                if [v0, v1, v2, v3] != [w0, w1, w2, w3] {
                    return Ok(None);
                }
                u64::from(u16::from_le_bytes([k0, k1])) + u64::from(u32::from_le_bytes([v0, v1, v2, v3]))
            }
            CLEAR => 8,
            _ => return Ok(None),
        };
        if io::copy(&mut from.by_ref().take(content), &mut Hashing(&mut hash))? < content {
            return Ok(None);
        }
        length += content;
    }
    let is_whole = bytes(from)? == [END] && u64::from_le_bytes(bytes(from)?) == hash.digest();
    Ok((is_whole && bytes(from)? == TRAILER).then_some(length + 13))
}

fn bytes<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

struct Hashing<'a>(&'a mut Xxh3);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
