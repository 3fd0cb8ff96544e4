//! What every store has, however it ended.
//!
//! The engine makes anew what it does not find: without a journal it begins one, without the table of its own
//! it throws all others away, and without its `version` it begins a store beside the old one. So what cannot
//! be absent after any crash is looked for before it is let in.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::OpenError;
use crate::disk::directory_lock::LOCK;
use crate::disk::journal::{Journal, journals_in};

/// Says what is missing in `folder`, whose journals these are. What was never begun lacks nothing.
pub(crate) fn check(folder: &Path, journals: &[Journal]) -> Result<(), OpenError> {
    let [version, tables] = ["version", "keyspaces"].map(|name| folder.join(name));
    let table_count = count(&tables).map_err(OpenError::unreadable(&tables))?;
    let has_version = version.try_exists().map_err(OpenError::unreadable(&version))?;
    if !has_version && journals.is_empty() && table_count.is_none_or(|count| count == 0) {
        return Ok(());
    }
    if !has_version {
        return Err(OpenError::missing("file", &version));
    }
    // Both are on the disk before the version is.
    if journals.is_empty() {
        return Err(OpenError::missing("journal", &folder.join("0.jnl")));
    }
    let Some(table_count) = table_count else { return Err(OpenError::missing("table", &tables)) };
    // It is made before all others, and before any row is written.
    let own = tables.join("0");
    let has_more = table_count > usize::from(own.exists());
    if has_more || journals.iter().any(|journal| journal.whole > 0) {
        let current = own.join("current");
        if !current.try_exists().map_err(OpenError::unreadable(&current))? {
            return Err(OpenError::missing("table", if own.exists() { &current } else { &own }));
        }
    }
    Ok(())
}

/// Where there is no lock there must be nothing else.
pub(crate) fn check_unlocked(folder: &Path) -> Result<(), OpenError> {
    let journals = unless_absent(journals_in(folder)).map_err(OpenError::unreadable(folder))?;
    let others = ["version", "keyspaces", "closed"].map(|name| folder.join(name));
    if journals.is_some_and(|journals| !journals.is_empty()) || others.iter().any(|path| path.exists()) {
        return Err(OpenError::missing("file", &folder.join(LOCK)));
    }
    Ok(())
}

/// How many entries `folder` has, if it is there.
fn count(folder: &Path) -> io::Result<Option<usize>> {
    Ok(unless_absent(fs::read_dir(folder))?.map(Iterator::count))
}

pub(crate) fn unless_absent<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
