//! A file that comes into being whole, or not at all.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file at a path where none is yet: written under another name and given its own when it is durable, so
/// that no crash leaves a part of it.
///
/// Locked from the beginning, so that of two who find nothing there one goes on.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    path: PathBuf,
    unfinished: PathBuf,
    file: File,
}

impl AtomicFile {
    /// Begins a file for `path`, readable by its owner alone; nothing if there is one.
    ///
    /// # Errors
    /// When the folder cannot be written, or somebody else is at it ([`io::ErrorKind::WouldBlock`]).
    pub(crate) fn begin(path: &Path) -> io::Result<Option<Self>> {
        if path.try_exists()? {
            return Ok(None);
        }
        let mut name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_owned();
        name.push(".new");
        let unfinished = path.with_file_name(name);
        let mut options = OpenOptions::new();
        // Not emptied here: until it is locked it may be somebody else's, who is writing it.
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&unfinished)?;
        lock(&file)?;
        let begun = Self { path: path.to_path_buf(), unfinished, file };
        // Whoever had the lock before may have finished meanwhile.
        if path.try_exists()? {
            begun.give_up();
            return Ok(None);
        }
        Ok(Some(begun))
    }

    /// Gives the file its content and its name, both durable. It stays locked for as long as what is returned
    /// is open.
    ///
    /// # Errors
    /// When it is not known to be durable; then there is none, or the whole.
    pub(crate) fn finish(&mut self, bytes: &[u8]) -> io::Result<File> {
        // What an earlier try left behind.
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(bytes)?;
        self.file.sync_all()?;
        // The name comes last: whoever finds it finds the whole.
        fs::rename(&self.unfinished, &self.path)?;
        sync_folders(&self.path)?;
        self.file.try_clone()
    }

    /// Leaves the file that is there by now alone. What was begun holds nothing; should it stay behind, the
    /// next who needs it takes it over.
    fn give_up(self) {
        let _ = fs::remove_file(&self.unfinished);
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

/// Locks a file for as long as it is open.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when somebody else has locked it.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
        TryLockError::Error(error) => error,
    })
}

/// Makes the name of a new file in its folder durable, and that of the folder, which may be as new.
pub(crate) fn sync_folders(path: &Path) -> io::Result<()> {
    // Elsewhere than on Unix a folder cannot be opened, and its names are durable with their files.
    if !cfg!(unix) {
        return Ok(());
    }
    let here = Path::new(".");
    let folder =
        path.parent().map_or(here, |folder| if folder.as_os_str().is_empty() { here } else { folder });
    File::open(folder)?.sync_all()?;
    match folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        // It need not be ours to read.
        Some(above) => unless_denied(File::open(above).and_then(|above| above.sync_all())),
        None => Ok(()),
    }
}

fn unless_denied(synced: io::Result<()>) -> io::Result<()> {
    match synced {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder above that is somebody else's is no error: here nobody can be denied anything who runs tests
    /// as root.
    #[test]
    fn only_a_denial_is_passed_over() {
        assert!(unless_denied(Ok(())).is_ok());
        assert!(unless_denied(Err(io::ErrorKind::PermissionDenied.into())).is_ok());
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::StorageFull, io::ErrorKind::Other] {
            assert_eq!(unless_denied(Err(kind.into())).unwrap_err().kind(), kind);
        }
    }

    #[test]
    fn a_new_file_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        // What a crash left of an earlier try, longer than what is written now.
        fs::write(folder.path().join("file.new"), [7; 100]).unwrap();
        let mut begun = AtomicFile::begin(&path).unwrap().unwrap();
        assert!(!path.exists());
        let second = AtomicFile::begin(&path).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::WouldBlock, "two would write one file");
        drop(begun.finish(b"content").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"content");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        drop(begun);
        assert!(AtomicFile::begin(&path).unwrap().is_none());
    }
}
