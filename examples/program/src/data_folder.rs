//! Where a program keeps everything.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::exit_error::ExitError;

/// A folder that stays, or one that is removed when the program ends.
#[derive(Debug)]
#[non_exhaustive]
pub enum DataFolder {
    /// It stays.
    Permanent(PathBuf),
    /// It is removed.
    Temporary(TempDir),
}

impl DataFolder {
    /// The folder at `path`, or a temporary one if there is none.
    ///
    /// # Errors
    /// When none can be made.
    pub fn open(path: Option<PathBuf>) -> Result<Self, ExitError> {
        match path {
            Some(path) => Ok(Self::Permanent(path)),
            None => {
                let made = tempfile::Builder::new().prefix("bulla-").tempdir();
                made.map(Self::Temporary).map_err(ExitError::because("no temporary folder can be made"))
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Permanent(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}
