//! Open files kept for when there are none.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::limits::RESERVED_FILES;

/// Open files that nobody else in the process gets, such as a flood of connections: enough to make or remove
/// a table, or to open the engine again. They are given back for that moment.
#[derive(Debug)]
pub(crate) struct DescriptorReserve {
    /// What is held open, again and again.
    file: PathBuf,
    held: Vec<File>,
}

impl DescriptorReserve {
    /// For the store in `folder`. Whether all could be had is seen when they are needed.
    pub(crate) fn of(folder: &Path) -> Self {
        let mut reserve = Self { file: folder.join("version"), held: Vec::new() };
        reserve.fill().ok();
        reserve
    }

    /// Takes what is lacking. An error says that something that needs files cannot be begun now.
    pub(crate) fn fill(&mut self) -> io::Result<()> {
        while self.held.len() < RESERVED_FILES {
            self.held.push(File::open(&self.file)?);
        }
        Ok(())
    }

    /// Whether as many again can be had, for others in the process.
    pub(crate) fn has_more(&mut self) -> io::Result<()> {
        self.fill()?;
        let more: io::Result<Vec<File>> = (0..RESERVED_FILES).map(|_| File::open(&self.file)).collect();
        more.map(drop)
    }

    /// Gives the files to `action`, if they are all there, and takes them again afterwards.
    ///
    /// # Errors
    /// When they are not; then nothing was done.
    pub(crate) fn lend<T>(&mut self, action: impl FnOnce() -> T) -> io::Result<T> {
        self.fill()?;
        Ok(self.give(action))
    }

    /// Gives what there is of the files to `action`, and takes them again afterwards.
    pub(crate) fn give<T>(&mut self, action: impl FnOnce() -> T) -> T {
        self.held.clear();
        let done = action();
        self.fill().ok();
        done
    }
}

/// Whether so much can be written in `folder` as a small table takes.
pub(crate) fn has_room(folder: &Path) -> io::Result<()> {
    let path = folder.join("room");
    let tried = (|| {
        let mut file = File::create(&path)?;
        file.write_all(&[1; 1 << 16])?;
        file.sync_all()
    })();
    fs::remove_file(path).ok();
    tried
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn lent_files_are_free_meanwhile_and_taken_again() {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("version"), "").unwrap();
        let mut reserve = DescriptorReserve::of(folder.path());
        assert_eq!(reserve.held.len(), RESERVED_FILES);
        reserve.held.pop();
        reserve.lend(|| ()).unwrap();
        assert_eq!(reserve.held.len(), RESERVED_FILES);
        // What cannot be had is told before anything is done.
        reserve.held.pop();
        fs::remove_file(folder.path().join("version")).unwrap();
        assert!(reserve.lend(|| panic!("it was begun without")).is_err());
        assert!(has_room(folder.path()).is_ok() && has_room(&folder.path().join("absent")).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
