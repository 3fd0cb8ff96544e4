use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bulla_base::Day;
use bytes::Bytes;

use super::{BlobFiles, BlobName, FoundBlob};

/// Blobs as files in a folder, which is this one's alone.
///
/// ```text
/// folder/complete/20785/3f9c…      a blob; the day is counted from 1970-01-01
/// folder/partial/20785/77a0…       one whose upload is not done
/// ```
///
/// Names are hashes: a listing of the folder gives no right to read. Each write is synced before it returns,
/// with the folders around it; to drop a day removes its folder.
///
/// # Cost
/// Beside the files nothing: none is held open.
#[derive(Debug)]
pub struct FolderBlobs {
    folder: PathBuf,
}

impl FolderBlobs {
    /// In `folder`, which is made if it is not there. It should be on the disk of the carrier's store, and in
    /// no backup that outlives 30 days.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        for kind in [COMPLETE, PARTIAL] {
            fs::create_dir_all(folder.join(kind))?;
        }
        sync_folder(&folder)?;
        // What names the folder itself, as far as it may be opened.
        match folder.parent() {
            Some(above) if !above.as_os_str().is_empty() => sync_folder(above)?,
            _ => {}
        }
        Ok(Self { folder })
    }

    fn day(&self, kind: &str, day: Day) -> PathBuf {
        self.folder.join(kind).join(day.number().to_string())
    }

    fn file(&self, kind: &str, day: Day, name: &BlobName) -> PathBuf {
        self.day(kind, day).join(name.to_string())
    }

    /// Makes the folder of a day, durably.
    fn make_day(&self, kind: &str, day: Day) -> io::Result<()> {
        match fs::create_dir(self.day(kind, day)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made.and_then(|()| sync_folder(&self.folder.join(kind))),
        }
    }

    fn drop_before(&self, kind: &str, day: Day) -> io::Result<()> {
        let kind = self.folder.join(kind);
        for entry in fs::read_dir(&kind)? {
            let entry = entry?;
            let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if number.is_some_and(|number| Day::from_number(number) < day) {
                unless_gone(fs::remove_dir_all(entry.path()))?;
            }
        }
        sync_folder(&kind)
    }
}

impl BlobFiles for FolderBlobs {
    fn find(&self, day: Day, name: &BlobName) -> io::Result<Option<FoundBlob>> {
        // One that is being completed is found here or there.
        for (kind, is_complete) in [(COMPLETE, true), (PARTIAL, false), (COMPLETE, true)] {
            match fs::metadata(self.file(kind, day, name)) {
                Ok(found) => return Ok(Some(FoundBlob::new(is_complete, found.len()))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn create(&self, day: Day, name: &BlobName) -> io::Result<()> {
        self.make_day(PARTIAL, day)?;
        let path = self.file(PARTIAL, day, name);
        OpenOptions::new().write(true).create(true).truncate(false).open(path)?.sync_all()?;
        sync_folder(&self.day(PARTIAL, day))
    }

    fn write(&self, day: Day, name: &BlobName, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(self.file(PARTIAL, day, name))?;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)?;
        // After one that failed the same bytes are written anew: a sync is never tried again by itself.
        file.sync_data()
    }

    fn complete(&self, day: Day, name: &BlobName) -> io::Result<()> {
        self.make_day(COMPLETE, day)?;
        let (from, to) = (self.file(PARTIAL, day, name), self.file(COMPLETE, day, name));
        match fs::rename(from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && to.try_exists()? => {}
            moved => moved?,
        }
        // Where it is first: it may be in both after a loss of power, and not in neither.
        sync_folder(&self.day(COMPLETE, day))?;
        sync_folder(&self.day(PARTIAL, day))
    }

    fn read(&self, day: Day, name: &BlobName, offset: u64, at_most: usize) -> io::Result<Bytes> {
        let mut file = File::open(self.file(COMPLETE, day, name))?;
        let left = file.metadata()?.len().saturating_sub(offset);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(at_most);
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; wanted];
        file.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }

    fn remove(&self, day: Day, name: &BlobName) -> io::Result<()> {
        for kind in [PARTIAL, COMPLETE] {
            let path = self.file(kind, day, name);
            match fs::remove_file(path) {
                Ok(()) => sync_folder(&self.day(kind, day))?,
                gone => unless_gone(gone)?,
            }
        }
        Ok(())
    }

    fn drop_days_before(&self, complete: Day, partial: Day) -> io::Result<()> {
        self.drop_before(COMPLETE, complete)?;
        self.drop_before(PARTIAL, partial)
    }
}

const COMPLETE: &str = "complete";
const PARTIAL: &str = "partial";

/// What is gone need not be removed.
fn unless_gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Makes what a folder has in it durable.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be opened, and the file system sees to it.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
