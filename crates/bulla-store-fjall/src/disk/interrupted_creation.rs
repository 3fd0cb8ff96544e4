//! A store whose making was interrupted.
//!
//! The engine makes a new database file by file and would stumble over its own files if that was cut short.
//! Until the last of them, its `version`, is whole, nothing can have been committed. What is swept away is
//! what can be seen to be empty, and nothing else: were only the `version` of a store lost, all the rest is
//! left for somebody to mend.
//!
//! ```text
//! lock  →  keyspaces/  →  0.jnl (nothing but zeros)  →  version (4 bytes)  →  tables
//! ```

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::disk::required_files::unless_absent;

const VERSION_BYTES: u64 = 4;

/// Prepares `path` for the engine to make a database there, if it holds the beginnings of one. The caller
/// holds the lock.
pub(crate) fn sweep(path: &Path) -> io::Result<()> {
    let version = path.join("version");
    if length(&version)?.is_some_and(|length| length >= VERSION_BYTES) {
        return Ok(());
    }
    let journal = path.join("0.jnl");
    if is_empty_folder(&path.join("keyspaces"))? && is_blank(&journal)? && !path.join("1.jnl").try_exists()? {
        unless_absent(fs::remove_file(journal))?;
        unless_absent(fs::remove_file(version))?;
        tracing::info!("a store whose making had been interrupted is made anew");
    }
    Ok(())
}

fn length(file: &Path) -> io::Result<Option<u64>> {
    Ok(unless_absent(fs::metadata(file))?.map(|found| found.len()))
}

fn is_empty_folder(folder: &Path) -> io::Result<bool> {
    Ok(unless_absent(fs::read_dir(folder))?.is_none_or(|mut files| files.next().is_none()))
}

fn is_blank(file: &Path) -> io::Result<bool> {
    let Some(mut file) = unless_absent(File::open(file))? else { return Ok(true) };
    let mut bytes = vec![0; 1 << 16];
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(true),
            length if bytes.iter().take(length).any(|byte| *byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::disk::tables::Tables;
    use crate::{FjallOptions, OpenError};

    /// A process was killed while it made its store, and could not open it any more: the engine found its own
    /// first journal.
    #[test]
    fn interrupted_creation_is_taken_up_at_every_step() {
        for (step, made) in ["", "lock", "keyspaces", "0.jnl", "version"].into_iter().enumerate() {
            let folder = TempDir::new().unwrap();
            let path = folder.path();
            for file in ["lock", "0.jnl", "version"].into_iter().take(step) {
                File::create(path.join(file)).unwrap();
            }
            if step > 1 {
                fs::create_dir(path.join("keyspaces")).unwrap();
                File::create(path.join("0.jnl")).unwrap().set_len(64 << 20).unwrap();
            }
            let opened = Tables::open(path, FjallOptions::default());
            assert!(opened.is_ok(), "interrupted after {made:?}");
        }
    }

    #[test]
    fn a_store_that_lost_its_version_is_not_swept_away() {
        let folder = TempDir::new().unwrap();
        drop(Tables::open(folder.path(), FjallOptions::default()).unwrap());
        fs::remove_file(folder.path().join("version")).unwrap();
        let journal = fs::read(folder.path().join("0.jnl")).unwrap();
        let error = Tables::open(folder.path(), FjallOptions::default()).err().unwrap();
        let version = folder.path().join("version");
        assert!(matches!(&error, OpenError::Missing { path, .. } if *path == version), "{error}");
        assert_eq!(fs::read(folder.path().join("0.jnl")).unwrap(), journal);
    }
}
