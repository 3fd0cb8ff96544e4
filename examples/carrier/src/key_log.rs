//! The log of businesses' identity keys: with what it is signed, and how it goes on after a restore.

use std::fs;
use std::path::{Path, PathBuf};

use bulla::Host;
use bulla::carrier::{Carrier, KeyLogResumption};
use bulla::store::Store;
use bulla::transparency::{LogSigner, Origin, SignedCheckpoint};
use bulla_example_program::exit_error::ExitError;
use bulla_example_program::new_file;
use zeroize::Zeroizing;

use crate::if_missing::IfMissing;

/// Where the log's key is, among the others: 32 bytes of a seed, and behind them the log's name. Keep a copy
/// of it elsewhere: who has checked the log knows its public half, and takes no keys under another.
const KEY: &str = "key_log.key";
const SEED_BYTES: usize = 32;

/// What is known of a log that stands still because the carrier was put back from a backup.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Newest {
    /// The newest checkpoint that anybody has seen is in this file.
    Checkpoint(PathBuf),
    /// It never had any: its key is new.
    None,
}

/// What signs the log, with the key in the folder `keys`; one that is not there is made, if that is to be,
/// for a log of the carrier `name`.
pub(crate) fn signer(
    host: &Host,
    keys: &Path,
    name: &str,
    if_missing: IfMissing,
) -> Result<LogSigner, ExitError> {
    let file = keys.join(KEY);
    let failed = || ExitError::because(format!("{} cannot be used", file.display()));
    let unnamed = || ExitError::because(format!("{} has no name of a log", file.display()));
    if if_missing.makes(&file)? {
        fs::create_dir_all(keys).map_err(failed())?;
        let none = ExitError::because(format!("{name:?} is no name of a log of keys"));
        let origin = Origin::parse(&format!("{name}/keys")).map_err(none)?;
        let signer = LogSigner::generate(origin, &*host.rng());
        let key =
            Zeroizing::new([&signer.to_seed()[..], signer.public().origin().as_str().as_bytes()].concat());
        new_file::write(&file, &key, 0o600).map_err(failed())?;
    }
    let bytes = Zeroizing::new(fs::read(&file).map_err(failed())?);
    let Some((seed, origin)) = bytes.split_first_chunk::<SEED_BYTES>() else {
        return Err(ExitError::new(format!("{} has no seed of 32 bytes", file.display())));
    };
    // What is not UTF-8 is no name either.
    let origin = Origin::parse(&String::from_utf8_lossy(origin)).map_err(unnamed())?;
    Ok(LogSigner::from_seed(origin, seed))
}

/// Has the log go on, if nothing of it was lost.
pub(crate) async fn resume<S: Store>(carrier: &Carrier<S>, newest: &Newest) -> Result<(), ExitError> {
    let checkpoint = match newest {
        Newest::Checkpoint(file) => {
            let unread = ExitError::because(format!("{} cannot be read", file.display()));
            let none = ExitError::because(format!("{} is no checkpoint", file.display()));
            Some(SignedCheckpoint::parse(&fs::read(file).map_err(unread)?).map_err(none)?)
        }
        Newest::None => None,
    };
    let resumed = carrier.resume_key_log(checkpoint.as_ref()).await;
    match resumed.map_err(ExitError::because("the log of keys cannot be resumed"))? {
        KeyLogResumption::Resumed => Ok(()),
        KeyLogResumption::Lost { here, seen } => Err(ExitError::new(format!(
            "the log of keys has lost what it had signed: {here} leaves are here, and {seen} were seen; \
             to begin another, move {KEY} away, start once with --begin-anew keys --resume-key-log new, and \
             give its key to those who check"
        ))),
        KeyLogResumption::NotSigned => Err(ExitError::new("the checkpoint is not one of this log's")),
        _ => Err(ExitError::new("there is no log of keys to be resumed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_keeps_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::new();
        let signer = |name| signer(&host, folder.path(), name, IfMissing::Make);
        let first = signer("carrier.example").unwrap();
        let again = signer("other.example").unwrap();
        assert_eq!(first.public(), again.public());
        assert_eq!(again.public().origin().as_str(), "carrier.example/keys");
        fs::write(folder.path().join(KEY), [7; 31]).unwrap();
        let error = signer("carrier.example").unwrap_err();
        assert!(error.to_string().ends_with("has no seed of 32 bytes"), "{error}");
    }
}
