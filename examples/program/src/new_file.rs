//! Files that are written once.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Writes a new file that only those may read whom `mode` names, and returns when it is on the disk.
///
/// # Errors
/// When it is there already, or cannot be written.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
