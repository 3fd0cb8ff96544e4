//! Sealed stores: each an engine of its own, under a vault with a keyring of its own, all under one operator's key.
//!
//! ```text
//! DATA/relay, DATA/carrier, DATA/devices      the engines' files: sealed, to be backed up
//! DATA/keys/operator.key                      the operator's key: in production a key service, or a file on another machine's disk
//! DATA/keys/relay.keyring, ...                the hours' keys: on another disk, and never backed up, or nothing is ever forgotten
//! ```

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use bulla::vault::{FileKeyring, OperatorKey, Vault};
use bulla::{SystemClock, SystemRng};
use bulla_store_fjall::{FjallOptions, FjallStore};

use crate::problem::Problem;

/// A store as everybody here has one.
pub type Sealed = Arc<Vault<FjallStore>>;

/// The folder of the keys, below the data folder.
pub(crate) const KEYS: &str = "keys";

/// Opens the store `name` below `folder`, or begins one there, and the engine beneath it.
pub(crate) async fn open(folder: &Path, name: &str) -> Result<(Sealed, FjallStore), Problem> {
    let unopened = || format!("the store in {} cannot be opened", folder.join(name).display());
    let (data, keys) = (folder.join(name), folder.join(KEYS));
    fs::create_dir_all(&data).map_err(Problem::because(unopened()))?;
    fs::create_dir_all(&keys).map_err(Problem::because(unopened()))?;
    let engine = FjallStore::open(data, FjallOptions::default()).map_err(Problem::because(unopened()))?;
    let keyring = FileKeyring::open(keys.join(format!("{name}.keyring")));
    let keyring = keyring.map_err(Problem::because(unopened()))?;
    let operator = operator_key(&keys)?;
    let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
    let vault = Vault::open(engine.clone(), keyring, &operator, clock, rng).await;
    Ok((Arc::new(vault.map_err(Problem::because(unopened()))?), engine))
}

/// The operator's key, which is made at the first start.
fn operator_key(keys: &Path) -> Result<OperatorKey, Problem> {
    const UNREAD: &str = "the operator's key cannot be read";
    let (path, unfinished) = (keys.join("operator.key"), keys.join("operator.key.new"));
    if !path.exists() {
        // Under another name until it is whole: the program may be killed at any moment.
        if unfinished.exists() {
            fs::remove_file(&unfinished).map_err(Problem::because(UNREAD))?;
        }
        drop(OperatorKey::create_file(&unfinished, Arc::new(SystemRng)).map_err(Problem::because(UNREAD))?);
        fs::rename(&unfinished, &path).map_err(Problem::because(UNREAD))?;
        // Nothing may be sealed with a key whose name the power could still take back: the next start would make another.
        for folder in [Some(keys), keys.parent()].into_iter().flatten() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(Problem::because(UNREAD))?;
        }
    }
    OperatorKey::read_file(&path, Arc::new(SystemRng)).map_err(Problem::because(UNREAD))
}
