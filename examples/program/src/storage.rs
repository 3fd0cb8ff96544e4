//! The parties' sealed stores: each an engine of its own, under a vault with a keyring of its own, all under
//! one operator's key.
//!
//! ```text
//! DATA/relay, DATA/carrier, DATA/devices      the engines' files: sealed, to be backed up
//! DATA/keys/operator.key                      the operator's key: in production a key service, or a file on another machine's disk
//! DATA/keys/relay.keyring, ...                the hours' keys: on another disk, and never backed up, or nothing is ever forgotten
//! ```

use std::fs;
use std::path::Path;

use bulla::vault::VaultError;
use bulla::{Host, OpenStoreError};

use crate::exit_error::ExitError;

/// A store as everybody here has one.
pub use bulla::SealedStore;

/// The folder of the keys, below the data folder.
pub const KEYS: &str = "keys";

/// What becomes of a store whose files are lost while its keyring is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IfLost {
    /// It is not opened: somebody may find the files.
    Refuse,
    /// A new one begins in its place, and with it new identities.
    BeginAnew,
}

/// Opens the store `name` below `folder`, or begins one there.
///
/// # Errors
/// When the store or one of its keys cannot be read, or its files are lost and nobody gives it up.
pub async fn open(host: &Host, folder: &Path, name: &str, if_lost: IfLost) -> Result<SealedStore, ExitError> {
    let unopened = || format!("the store in {} cannot be opened", folder.join(name).display());
    let keys = folder.join(KEYS);
    fs::create_dir_all(&keys).map_err(ExitError::because(unopened()))?;
    let opened = match host.open_store(name, folder, &keys).await {
        Err(OpenStoreError::Vault { source: lost @ VaultError::StoreEmptied { .. }, .. }) => match if_lost {
            IfLost::Refuse => {
                let way_out = format!("{}; --begin-anew {name} gives it up, identities and all", unopened());
                return Err(ExitError::because(way_out)(lost));
            }
            IfLost::BeginAnew => {
                tracing::warn!(
                    store = name,
                    "a store is lost: a new one begins in its place, with new identities"
                );
                host.begin_store_anew(name, folder, &keys).await
            }
        },
        opened => opened,
    };
    opened.map_err(|error| match error {
        OpenStoreError::Key { source } => ExitError::because("the operator's key cannot be read")(source),
        OpenStoreError::Folder { source, .. } => ExitError::because(unopened())(source),
        OpenStoreError::Engine { source, .. } => ExitError::because(unopened())(source),
        OpenStoreError::Keyring { source, .. } => ExitError::because(unopened())(source),
        OpenStoreError::Vault { source, .. } => ExitError::because(unopened())(source),
        other => ExitError::because(unopened())(other),
    })
}
