//! Blobs that are kept in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla::base::Day;
use bulla::carrier::{BlobFiles, BlobName, FoundBlob};
use bytes::Bytes;

/// The carrier's blobs, which end with the world they are in.
#[derive(Default)]
pub(crate) struct MemoryBlobs(Mutex<Blobs>);

type Blobs = BTreeMap<(Day, BlobName), Blob>;

#[derive(Default)]
struct Blob {
    is_complete: bool,
    bytes: Vec<u8>,
}

impl MemoryBlobs {
    fn blobs(&self) -> MutexGuard<'_, Blobs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

fn place(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(io::Error::other)
}

impl BlobFiles for MemoryBlobs {
    fn find(&self, day: Day, name: &BlobName) -> io::Result<Option<FoundBlob>> {
        let blobs = self.blobs();
        let found = |blob: &Blob| FoundBlob::new(blob.is_complete, blob.bytes.len() as u64);
        Ok(blobs.get(&(day, *name)).map(found))
    }

    fn create(&self, day: Day, name: &BlobName) -> io::Result<()> {
        self.blobs().entry((day, *name)).or_default();
        Ok(())
    }

    fn write(&self, day: Day, name: &BlobName, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut blobs = self.blobs();
        let blob = blobs.get_mut(&(day, *name)).filter(|blob| !blob.is_complete).ok_or_else(not_found)?;
        // Past the end there would be a hole, which the carrier never makes.
        let start = place(offset)?;
        if start > blob.bytes.len() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        blob.bytes.truncate(start);
        blob.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn complete(&self, day: Day, name: &BlobName) -> io::Result<()> {
        self.blobs().get_mut(&(day, *name)).ok_or_else(not_found)?.is_complete = true;
        Ok(())
    }

    fn read(&self, day: Day, name: &BlobName, offset: u64, at_most: usize) -> io::Result<Bytes> {
        let blobs = self.blobs();
        let blob = blobs.get(&(day, *name)).filter(|blob| blob.is_complete).ok_or_else(not_found)?;
        let start = place(offset)?.min(blob.bytes.len());
        let end = start.saturating_add(at_most).min(blob.bytes.len());
        Ok(Bytes::copy_from_slice(blob.bytes.get(start..end).unwrap_or_default()))
    }

    fn remove(&self, day: Day, name: &BlobName) -> io::Result<()> {
        self.blobs().remove(&(day, *name));
        Ok(())
    }

    fn drop_days_before(&self, complete: Day, partial: Day) -> io::Result<()> {
        self.blobs().retain(|(day, _), blob| *day >= if blob.is_complete { complete } else { partial });
        Ok(())
    }
}

impl fmt::Debug for MemoryBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryBlobs({} blobs)", self.blobs().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_read_when_it_is_complete_until_its_day_is_over() {
        let (blobs, day) = (MemoryBlobs::default(), Day::from_number(9));
        let name = BlobName::from_bytes([7; 32]);
        blobs.create(day, &name).unwrap();
        blobs.write(day, &name, 0, b"hellXX").unwrap();
        blobs.write(day, &name, 4, b"o").unwrap();
        assert!(blobs.write(day, &name, 6, b"!").is_err());
        assert!(blobs.read(day, &name, 0, 9).is_err());
        blobs.complete(day, &name).unwrap();
        assert_eq!(blobs.read(day, &name, 1, 3).unwrap(), "ell");
        assert_eq!(blobs.read(day, &name, 9, 3).unwrap(), "");
        assert_eq!(blobs.find(day, &name).unwrap(), Some(FoundBlob::new(true, 5)));
        blobs.drop_days_before(day, Day::from_number(10)).unwrap();
        assert!(blobs.find(day, &name).unwrap().is_some());
        blobs.drop_days_before(Day::from_number(10), day).unwrap();
        assert!(blobs.find(day, &name).unwrap().is_none());
    }
}
