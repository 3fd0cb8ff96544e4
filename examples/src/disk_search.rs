//! What stands in files: every one of them, searched byte by byte.

use std::io;
use std::path::Path;

use memchr::memmem::Finder;

use crate::exit_error::ExitError;

/// What a search of a folder came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    pub(crate) files: usize,
    pub(crate) bytes: u64,
    /// How often something of each group was found.
    pub(crate) hits: Vec<usize>,
}

/// Searches every file below `folder` for the texts of each group.
pub(crate) fn search(folder: &Path, groups: &[&[String]]) -> Result<Search, ExitError> {
    let finders: Vec<(usize, Finder<'_>)> = groups
        .iter()
        .enumerate()
        .flat_map(|(group, texts)| texts.iter().map(move |text| (group, Finder::new(text.as_bytes()))))
        .collect();
    let mut search = Search { files: 0, bytes: 0, hits: vec![0; groups.len()] };
    let unread = || ExitError::because(format!("{} cannot be searched", folder.display()));
    search.folder(folder, &finders).map_err(unread())?;
    Ok(search)
}

impl Search {
    fn folder(&mut self, folder: &Path, finders: &[(usize, Finder<'_>)]) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let (entry, gone) = (entry?, |error: &io::Error| error.kind() == io::ErrorKind::NotFound);
            if entry.file_type()?.is_dir() {
                self.folder(&entry.path(), finders)?;
                continue;
            }
            match std::fs::read(entry.path()) {
                Ok(bytes) => self.file(&bytes, finders),
                // The engine removes files while we look.
                Err(error) if gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn file(&mut self, bytes: &[u8], finders: &[(usize, Finder<'_>)]) {
        self.files += 1;
        self.bytes += bytes.len() as u64;
        for (group, finder) in finders {
            self.hits[*group] += finder.find_iter(bytes).count();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_any_file_is_found_as_often_as_it_stands_there() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("one"), "..secret..secret").unwrap();
        std::fs::write(folder.path().join("deep/two"), "secre\0secret").unwrap();
        let search = search(folder.path(), &[&["secret".into(), "o".into()], &["other".into()]]).unwrap();
        assert_eq!(search, Search { files: 2, bytes: 28, hits: vec![3, 0] });
    }
}
