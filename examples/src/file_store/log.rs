//! A file that only grows, entry by entry.
//!
//! ```text
//! length (4)  ‖  first 8 bytes of SHA-256(entry)  ‖  first 8 bytes of SHA-256(these twelve)  ‖  entry        and so on, big-endian
//! ```

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

const SUM_BYTES: usize = 8;
const HEAD_BYTES: usize = 4 + 2 * SUM_BYTES;

/// The log, locked for as long as it is open.
#[derive(Debug)]
pub(super) struct Log(File);

impl Log {
    /// Opens or begins the log in `path` and shows each entry to `replay`.
    ///
    /// The end of a process or of the power may have cut the entry that was being written, or left zeros in
    /// its place. Nobody was told of it: it is taken away. Anything wrong before that is an error, because
    /// what follows it was acknowledged.
    pub(super) fn open(path: &Path, mut replay: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<Self> {
        let file = File::options().read(true).append(true).create(true).open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::ErrorKind::ResourceBusy.into(),
            TryLockError::Error(error) => error,
        })?;
        let mut log = Self(file);
        let file = &mut log.0;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut whole = 0;
        while let Some((entry, end)) = next(&bytes, whole)? {
            replay(entry)?;
            whole = end;
        }
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        file.sync_all()?;
        // The name of a file is durable once its folder is.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(log)
    }

    /// Adds an entry; it is on the disk when this returns.
    pub(super) fn append(&mut self, entry: &[u8]) -> io::Result<()> {
        let length = u32::try_from(entry.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut frame = Vec::with_capacity(HEAD_BYTES + entry.len());
        frame.extend(length.to_be_bytes());
        frame.extend(checksum(entry));
        frame.extend(checksum(&frame));
        frame.extend(entry);
        self.0.write_all(&frame)?;
        self.0.sync_data()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Closing it would leave it locked while a process that is being started has a copy. A lock that
        // stays is told by the next opening.
        let _ = self.0.unlock();
    }
}

/// The entry that begins at `start` and where it ends; `None` if there is no whole one any more.
fn next(bytes: &[u8], start: usize) -> io::Result<Option<(&[u8], usize)>> {
    let at =
        |start| bytes.get(start..).and_then(whole).map(|entry| (entry, start + HEAD_BYTES + entry.len()));
    match at(start) {
        Some(found) => Ok(Some(found)),
        None if (start..bytes.len()).any(|behind| at(behind).is_some()) => {
            Err(io::ErrorKind::InvalidData.into())
        }
        None => Ok(None),
    }
}

/// The entry that `bytes` begin with, if it and its head are as they were written.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let (told, of_head) = head.split_at_checked(HEAD_BYTES - SUM_BYTES)?;
    let (length, of_entry) = told.split_first_chunk()?;
    if of_head != checksum(told) {
        return None;
    }
    let entry = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    (of_entry == checksum(entry)).then_some(entry)
}

fn checksum(bytes: &[u8]) -> [u8; SUM_BYTES] {
    let mut sum = [0; SUM_BYTES];
    sum.iter_mut().zip(Sha256::digest(bytes)).for_each(|(byte, of)| *byte = of);
    sum
}
