//! The newest checkpoint of the carrier's log of keys, in a file: what the carrier's operator needs to have
//! the log go on after a restore.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bulla::base::Clock;
use bulla_example_program::new_file;

use super::NetworkedRelay;

/// How often it is looked whether there is a newer one.
const INTERVAL: Duration = Duration::from_secs(1);

/// Keeps the newest checkpoint that `relay` has seen in `file`, for as long as it is polled.
pub(super) async fn keep(relay: NetworkedRelay, file: PathBuf, clock: Arc<dyn Clock>) {
    let mut kept = None;
    loop {
        let newest = relay.log_checkpoint();
        if let Some(checkpoint) = newest.as_ref().filter(|_| newest != kept) {
            if let Err(error) = replace(&file, checkpoint) {
                tracing::error!(error = &error as &dyn std::error::Error, "the checkpoint cannot be kept");
            }
            kept = newest;
        }
        clock.sleep(INTERVAL).await;
    }
}

/// Whoever reads the file finds all of the one or of the other.
fn replace(file: &Path, checkpoint: &str) -> io::Result<()> {
    let next = file.with_extension("next");
    if next.exists() {
        fs::remove_file(&next)?;
    }
    new_file::write(&next, checkpoint.as_bytes(), 0o644)?;
    fs::rename(next, file)
}
