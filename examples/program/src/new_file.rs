//! Files that are written once.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes a new file that only those may read whom `mode` names, and returns when it is on the disk: all of
/// it is there, or nothing, also if the program is killed meanwhile.
///
/// # Errors
/// When it is there already, or cannot be written.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    // What a program that was killed has left.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // A second name, which is not taken from another file, and then not the first any more.
    let named = match fs::hard_link(&unfinished, path) {
        // Some file systems have no second names: what is killed in between may have written over nothing.
        Err(error) if is_unsupported(&error) && !path.exists() => fs::rename(&unfinished, path),
        named => {
            fs::remove_file(&unfinished)?;
            named
        }
    };
    named?;
    sync_folder(path)
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied)
}

/// Has it on the disk that `path` stands in its folder.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent().filter(|folder| *folder != Path::new("")) {
        // Elsewhere a folder cannot be opened.
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_whole_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.key");
        // As a program that was killed has left it.
        fs::write(folder.path().join("a.key.unfinished"), b"hal").unwrap();
        write(&file, b"whole", 0o600).unwrap();
        assert_eq!(write(&file, b"another", 0o600).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).unwrap(), b"whole");
        write(&folder.path().join("b.key"), b"b", 0o600).unwrap();
        let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut left: Vec<_> = left.collect();
        left.sort();
        assert_eq!(left, ["a.key", "b.key"]);
    }
}
