//! The end of the journals, after a power cut.
//!
//! The engine syncs every batch before it writes the next, so one batch at most can be torn: the last. A disk
//! may have taken any of its sectors, and the rest are zeros. If its frame is whole and its content is not,
//! fjall 3.1 takes it for damage and opens nothing; if damage elsewhere breaks a frame, it takes that for the
//! end, and drops in silence what was acknowledged behind it. So we look first. A torn last batch, of which
//! nobody was told, is cut off; it is one only if sectors that were not written explain all that is wrong
//! with it, and it measures no more than a group can. Everything else that cannot be read is damage.

pub(crate) mod frame;

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::OpenError;
use crate::disk::journal::frame::{Frame, START};
use crate::limits::MAX_TORN_BYTES;
use crate::metrics::CUT;

/// What a disk writes wholly or not at all.
const SECTOR_BYTES: usize = 512;

/// One journal, and how far it can be read.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    /// So many bytes of whole batches.
    pub(crate) whole: u64,
    /// So many bytes behind them, of a torn one.
    pub(crate) torn: u64,
}

/// Reads the journals in `folder`, the oldest first. The caller holds the lock: in a store that is in use the
/// last batch is being written now.
///
/// # Cost
/// All of their bytes pass through memory, a piece at a time.
pub(crate) fn read(folder: &Path) -> Result<Vec<Journal>, OpenError> {
    let mut journals: Vec<Journal> = Vec::new();
    let mut last = None;
    for (_, path) in journals_in(folder).map_err(OpenError::unreadable(folder))? {
        let (whole, end) = whole_part(&path, &mut last).map_err(OpenError::unreadable(&path))?;
        let torn = match end {
            End::Clean => 0,
            End::Torn(bytes) => bytes,
            End::Damaged(reason) => {
                tracing::error!(journal = %path.display(), whole, reason, "a journal is damaged");
                return Err(OpenError::damaged("journal", &path));
            }
        };
        // A batch was written after the torn one, so that was not the last.
        if let Some(earlier) = journals.iter().find(|earlier| earlier.torn > 0)
            && whole + torn > 0
        {
            return Err(OpenError::damaged("journal", &earlier.path));
        }
        journals.push(Journal { path, whole, torn });
    }
    Ok(journals)
}

/// Cuts off what is torn.
pub(crate) fn cut(journals: &[Journal]) -> Result<(), OpenError> {
    for Journal { path, whole, torn, .. } in journals.iter().filter(|journal| journal.torn > 0) {
        tracing::warn!(
            journal = %path.display(),
            whole,
            cut = torn,
            "the last batch was being written when the power went; nobody was told of it"
        );
        metrics::counter!(CUT).increment(*torn);
        truncate(path, *whole).map_err(OpenError::unreadable(path))?;
    }
    Ok(())
}

fn truncate(journal: &Path, length: u64) -> io::Result<()> {
    let file = File::options().write(true).open(journal)?;
    file.set_len(length)?;
    file.sync_all()
}

/// The journals by their numbers, which are their names.
pub(crate) fn journals_in(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut journals = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".jnl")?.parse().ok());
        journals.extend(number.map(|number| (number, path)));
    }
    journals.sort_unstable();
    Ok(journals)
}

enum End {
    /// Only zeros, or nothing.
    Clean,
    /// So many bytes of a batch, of which sectors are missing.
    Torn(u64),
    /// Something else, and what.
    Damaged(&'static str),
}

/// How many bytes of whole batches there are, and what comes behind them. `last` is the last sequence number
/// so far.
fn whole_part(journal: &Path, last: &mut Option<u64>) -> io::Result<(u64, End)> {
    let mut file = BufReader::with_capacity(1 << 18, File::open(journal)?);
    let mut whole = 0;
    let first_strange = loop {
        match Frame::read(&mut file)? {
            Frame::Whole { bytes, sequence_number } => {
                // The engine's checksum leaves it out.
                if last.is_some_and(|last| last >= sequence_number) {
                    return Ok((whole, End::Damaged("a sequence number comes after a later one")));
                }
                *last = Some(sequence_number);
                whole += bytes;
            }
            strange => break strange,
        }
    };
    file.seek(SeekFrom::Start(whole))?;
    let Some(rest) = read_until_zeros(&mut file)? else {
        return Ok((whole, End::Damaged("more than one batch cannot be read")));
    };
    Ok((whole, end(&first_strange, &rest, whole)?))
}

/// What the rest of a journal is, from the first place on that is no whole batch to the last byte that is not
/// zero.
fn end(strange: &Frame, rest: &[u8], whole: u64) -> io::Result<End> {
    if rest.is_empty() {
        return Ok(End::Clean);
    }
    if has_whole_batch(rest)? {
        return Ok(End::Damaged("a batch cannot be read, and one behind it can"));
    }
    let torn = End::Torn(rest.len() as u64);
    Ok(match strange {
        // Only what was not written at the trailer itself explains that it is another.
        Frame::Strange { place, is_sure: true, .. } if is_unwritten(rest, whole, place) => torn,
        Frame::Strange { place, is_sure: false, .. } if is_unwritten(rest, whole, &(0..place.end)) => torn,
        Frame::Cut { known, claimed } => {
            if is_unwritten(rest, whole, &(0..*known)) || *claimed <= MAX_TORN_BYTES as u64 {
                torn
            } else {
                End::Damaged("a batch is said to be longer than any can be")
            }
        }
        Frame::Strange { what, .. } => End::Damaged(what),
        Frame::Whole { .. } => End::Damaged("a batch is whole, and was not a moment ago"),
    })
}

/// Whether a sector that `place` touches was not written, so that all of it behind the beginning of the batch
/// is zero. `whole` is where in the file the batch begins.
///
/// Or whether what was written ends before it: a process that is killed leaves what it wrote up to any byte.
fn is_unwritten(batch: &[u8], whole: u64, place: &Range<u64>) -> bool {
    // `batch` ends with its last byte that is not zero.
    if (batch.len() as u64) < place.end {
        return true;
    }
    let sector = SECTOR_BYTES as u64;
    let first = (whole + place.start) / sector;
    let last = (whole + place.end.max(place.start + 1) - 1) / sector;
    (first..=last).any(|number| {
        let [start, end] = [number, number + 1].map(|number| (number * sector).saturating_sub(whole));
        let [start, end] = [start, end].map(|at| usize::try_from(at).unwrap_or(usize::MAX).min(batch.len()));
        batch.get(start..end).unwrap_or_default().iter().all(|byte| *byte == 0)
    })
}

/// Whether a whole batch begins anywhere in `rest`.
fn has_whole_batch(rest: &[u8]) -> io::Result<bool> {
    for start in 0..rest.len() {
        let mut behind = rest.get(start..).unwrap_or_default();
        if behind.first() == Some(&START) && matches!(Frame::read(&mut behind)?, Frame::Whole { .. }) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads to the last byte that is not zero, unless that is more than a torn batch can have. Room that was
/// only reserved takes no memory.
fn read_until_zeros(file: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let (mut bytes, mut zeros) = (Vec::new(), 0);
    let (blank, mut piece) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let length = file.read(&mut piece)?;
        let read = piece.get(..length).unwrap_or_default();
        if length == 0 {
            return Ok(Some(bytes));
        }
        // Compared at once first: most of a journal is room.
        let is_blank = blank.get(..length) == Some(read);
        let last = if is_blank { None } else { read.iter().rposition(|byte| *byte != 0) };
        let Some(last) = last else {
            zeros += length;
            continue;
        };
        if bytes.len() + zeros + last >= MAX_TORN_BYTES {
            return Ok(None);
        }
        bytes.resize(bytes.len() + zeros, 0);
        bytes.extend(read.iter().take(last + 1));
        zeros = length - last - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_unwritten_if_a_sector_that_it_touches_is_or_all_that_was_written_ends_before_it() {
        const LENGTH: u64 = 2000;
        // Batches that begin with a sector, behind the beginning of one, and with its last byte.
        for whole in [512, 700, 1535] {
            let sector_of = |place: u64| (whole + place) / SECTOR_BYTES as u64;
            for lost in sector_of(0)..sector_of(LENGTH - 1) {
                let batch: Vec<u8> = (0..LENGTH).map(|at| u8::from(sector_of(at) != lost)).collect();
                for place in (0..LENGTH).flat_map(|start| [start..start, start..start + 1, start..start + 8])
                {
                    let touched = place.start..place.end.max(place.start + 1);
                    let expected = place.end > LENGTH || touched.clone().any(|at| sector_of(at) == lost);
                    let found = is_unwritten(&batch, whole, &place);
                    assert_eq!(found, expected, "{place:?} of a batch at {whole} without sector {lost}");
                }
            }
        }
    }
}
