//! Before the engine is let in, and after it has gone.

use std::path::Path;

use bulla_store::Version;

use crate::OpenError;
use crate::disk::directory_lock::DirectoryLock;
use crate::disk::interrupted_creation;
use crate::disk::journal;
use crate::disk::required_files;
use crate::disk::shutdown_manifest::ShutdownManifest;

/// Looks at the store in `folder` as it lies, and mends what a crash may leave. Says what it had when it was
/// closed, if it was, and strikes that out: from now on the engine may write.
pub(crate) fn look(folder: &Path) -> Result<Option<ShutdownManifest>, OpenError> {
    let Some(_held) = DirectoryLock::take(folder)? else {
        required_files::check_unlocked(folder)?;
        return Ok(None);
    };
    let closed = ShutdownManifest::read(folder)?;
    if closed.is_none() {
        interrupted_creation::sweep(folder).map_err(OpenError::unreadable(folder))?;
    }
    let journals = journal::read(folder)?;
    if let Some(closed) = &closed {
        closed.compare(folder, &journals)?;
    }
    required_files::check(folder, &journals)?;
    journal::cut(&journals)?;
    if closed.is_none() && journals.iter().any(|journal| journal.whole > 0) {
        tracing::info!(store = %folder.display(), "the store was not closed; what it lacks may not be noticed");
    }
    ShutdownManifest::remove(folder).map_err(OpenError::unreadable(folder))?;
    Ok(closed)
}

/// Writes down what there is, after the engine has gone, the last commit being `version`.
///
/// Whoever has opened the store meanwhile has it; then there is nothing to be written. If it fails nothing is
/// lost but that what goes missing would be noticed.
pub(crate) fn write_down(folder: &Path, version: Version) {
    let written = || -> Result<(), OpenError> {
        let Some(_held) = DirectoryLock::take(folder)? else { return Ok(()) };
        let journals = journal::read(folder)?;
        if journals.iter().all(|journal| journal.torn == 0) {
            let manifest = ShutdownManifest::take(folder, version, &journals);
            let written = manifest.and_then(|manifest| manifest.write(folder));
            written.map_err(OpenError::unreadable(folder))?;
        }
        Ok(())
    };
    match written() {
        Ok(()) | Err(OpenError::Locked { .. }) => {}
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, cause, "what the store has could not be written down; what goes missing will not be noticed");
        }
    }
}
