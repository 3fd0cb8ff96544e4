//! Sealed stores: each an engine of its own, under a vault with a keyring of its own, all under one
//! operator's key.
//!
//! ```text
//! DATA/relay, DATA/carrier, DATA/devices      the engines' files: sealed, to be backed up
//! DATA/keys/operator.key                      the operator's key: in production a key service, or a file on another machine's disk
//! DATA/keys/relay.keyring, ...                the hours' keys: on another disk, and never backed up, or nothing is ever forgotten
//! ```

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bulla::fjall::{FjallOptions, FjallStore};
use bulla::vault::{FileKeyring, OperatorKey, Vault, VaultError};
use bulla::{SystemClock, SystemRng};

use crate::problem::Problem;

/// A store as everybody here has one.
pub type Sealed = Arc<Vault<FjallStore>>;

/// The folder of the keys, below the data folder.
pub(crate) const KEYS: &str = "keys";

/// What becomes of a store whose files are lost while its keyring is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfLost {
    /// It is not opened: somebody may find the files.
    Refuse,
    /// A new one begins in its place, and with it new identities.
    BeginAnew,
}

/// Opens the store `name` below `folder`, or begins one there.
pub(crate) async fn open(folder: &Path, name: &str, if_lost: IfLost) -> Result<Sealed, Problem> {
    let unopened = || format!("the store in {} cannot be opened", folder.join(name).display());
    let (data, keys) = (folder.join(name), folder.join(KEYS));
    fs::create_dir_all(&data).map_err(Problem::because(unopened()))?;
    fs::create_dir_all(&keys).map_err(Problem::because(unopened()))?;
    let engine = FjallStore::open(data, FjallOptions::default()).map_err(Problem::because(unopened()))?;
    let keyring = || {
        let keyring = FileKeyring::open(keys.join(format!("{name}.keyring")));
        keyring.map_err(Problem::because(unopened()))
    };
    // One that is lost is an error for as long as there is a keyring that needs it.
    let operator = OperatorKey::read_or_create_file(keys.join("operator.key"), [&keys], Arc::new(SystemRng));
    let operator = operator.map_err(Problem::because("the operator's key cannot be read"))?;
    let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
    let vault = match Vault::open(engine.clone(), keyring()?, &operator, clock.clone(), rng.clone()).await {
        Err(lost @ VaultError::StoreEmptied { .. }) => match if_lost {
            IfLost::Refuse => {
                let way_out = format!("{}; --begin-anew {name} gives it up, identities and all", unopened());
                return Err(Problem::because(way_out)(lost));
            }
            IfLost::BeginAnew => {
                tracing::warn!(
                    store = name,
                    "a store is lost: a new one begins in its place, with new identities"
                );
                Vault::begin_anew(engine, keyring()?, &operator, clock, rng).await
            }
        },
        opened => opened,
    };
    Ok(Arc::new(vault.map_err(Problem::because(unopened()))?))
}
