//! What a store had when it was closed.
//!
//! The engine opens whatever it finds: without its journal, or without a table's folder, a store is merely
//! smaller. So whoever closes a store writes down what there is, last of all, and whoever opens it compares.
//!
//! ```text
//! bulla store closed 1
//! version 4711                            the version of the last commit
//! journal 812345 0.jnl                    bytes of whole batches, and which journal
//! file 25 keyspaces/0/current             bytes, and which file
//! sum 90f3…                               XXH3 of all lines above, in hexadecimal
//! ```
//!
//! It holds only while nobody has the store open: it is removed, durably, before the engine may write
//! anything. So a store that was not closed has none, and what it lacks can be seen only from [what every
//! store has](crate::disk::required_files).

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write as _};
use std::path::{Path, PathBuf};

use bulla_store::Version;
use xxhash_rust::xxh3::xxh3_64;

use crate::OpenError;
use crate::disk::journal::Journal;
use crate::limits::MAX_MANIFEST_BYTES;

const NAME: &str = "closed";
/// It is written here, and renamed when it is on the disk.
const NEW_NAME: &str = "closed.new";
const HEADLINE: &str = "bulla store closed 1";
const WHAT: &str = "list of what there was when it was closed";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShutdownManifest {
    pub(crate) version: Version,
    /// Bytes of whole batches and the name of each journal.
    journals: Vec<(u64, String)>,
    /// Length and name of each other file.
    files: Vec<(u64, String)>,
}

impl ShutdownManifest {
    /// Writes down what there is in `folder`, of which the last commit was `version`. The caller holds the
    /// lock.
    pub(crate) fn take(folder: &Path, version: Version, journals: &[Journal]) -> io::Result<Self> {
        let name = |path: &Path| {
            let name = path.strip_prefix(folder).ok()?.to_str()?;
            (!name.contains('\n')).then(|| name.to_owned())
        };
        let strange = || io::Error::new(ErrorKind::InvalidData, "a file has a strange name");
        let journals = journals.iter().map(|journal| Some((journal.whole, name(&journal.path)?)));
        let journals: Option<_> = journals.collect();
        let mut files = Vec::new();
        let mut found = vec![folder.join("version")];
        walk(&folder.join("keyspaces"), &mut found)?;
        for path in found {
            files.push((fs::metadata(&path)?.len(), name(&path).ok_or_else(strange)?));
        }
        files.sort_unstable_by(|(_, one), (_, other)| one.cmp(other));
        Ok(Self { version, journals: journals.ok_or_else(strange)?, files })
    }

    /// What was written when the store in `folder` was closed; nothing if it was not.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, OpenError> {
        let path = folder.join(NAME);
        let unreadable = OpenError::unreadable(&path);
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
            Ok(file) => file,
        };
        let mut bytes = Vec::new();
        file.take(MAX_MANIFEST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let text = String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= MAX_MANIFEST_BYTES);
        let manifest = text.as_deref().and_then(Self::parse);
        manifest.map(Some).ok_or_else(|| OpenError::damaged(WHAT, &path))
    }

    /// Makes it durable, as the last that is written in `folder`.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let new = folder.join(NEW_NAME);
        let mut file = File::create(&new)?;
        file.write_all(self.text().as_bytes())?;
        file.sync_all()?;
        fs::rename(new, folder.join(NAME))?;
        sync_folder(folder)
    }

    /// Compares it with what there is now.
    pub(crate) fn compare(&self, folder: &Path, journals: &[Journal]) -> Result<(), OpenError> {
        for (length, name) in &self.files {
            let path = folder.join(name);
            match fs::metadata(&path) {
                Ok(found) if found.len() == *length => {}
                Ok(_) => return Err(OpenError::damaged(kind(name), &path)),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(OpenError::missing(kind(name), &outermost_missing(folder, &path)));
                }
                Err(source) => return Err(OpenError::Unreadable { path, source }),
            }
        }
        for (whole, name) in &self.journals {
            let path = folder.join(name);
            match journals.iter().find(|journal| journal.path == path) {
                None => return Err(OpenError::missing("journal", &path)),
                Some(found) if found.whole == *whole && found.torn == 0 => {}
                Some(_) => return Err(OpenError::damaged("journal", &path)),
            }
        }
        let is_known = |path: &Path| self.journals.iter().any(|(_, name)| folder.join(name) == path);
        match journals.iter().find(|journal| !is_known(&journal.path)) {
            Some(foreign) => Err(OpenError::damaged("journal", &foreign.path)),
            None => Ok(()),
        }
    }

    /// Removes it, durably: from now on the engine may write.
    pub(crate) fn remove(folder: &Path) -> io::Result<()> {
        match fs::remove_file(folder.join(NAME)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| sync_folder(folder)),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{HEADLINE}\nversion {}\n", self.version.number());
        for (kind, lines) in [("journal", &self.journals), ("file", &self.files)] {
            for (number, name) in lines {
                // Writing to a string does not fail.
                let _ = writeln!(text, "{kind} {number} {name}");
            }
        }
        let sum = xxh3_64(text.as_bytes());
        text + &format!("sum {sum:016x}\n")
    }

    fn parse(text: &str) -> Option<Self> {
        let lines = text.strip_suffix('\n')?;
        let (above, sum) = lines.rsplit_once("\nsum ")?;
        let summed = text.get(..above.len() + 1)?;
        if format!("{:016x}", xxh3_64(summed.as_bytes())) != sum {
            return None;
        }
        let mut lines = above.lines();
        if lines.next()? != HEADLINE {
            return None;
        }
        let version = lines.next()?.strip_prefix("version ")?.parse().ok()?;
        let mut manifest = Self { version: Version::new(version), journals: Vec::new(), files: Vec::new() };
        for line in lines {
            let mut words = line.splitn(3, ' ');
            let (kind, number, name) = (words.next()?, words.next()?.parse().ok()?, words.next()?.to_owned());
            match kind {
                "journal" => manifest.journals.push((number, name)),
                "file" => manifest.files.push((number, name)),
                _ => return None,
            }
        }
        Some(manifest)
    }
}

fn kind(name: &str) -> &'static str {
    if name.starts_with("keyspaces") { "table" } else { "file" }
}

/// The outermost directory on the way to `path` that is not there, or the file itself.
fn outermost_missing(folder: &Path, path: &Path) -> PathBuf {
    let within = path.ancestors().take_while(|ancestor| *ancestor != folder);
    within.filter(|ancestor| !ancestor.exists()).last().unwrap_or(path).to_path_buf()
}

/// Adds all files in `folder`, and in the folders in it.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(not(windows))]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Folders cannot be synced there.
#[cfg(windows)]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
