use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_store_fjall::{FjallOptions, FjallStore, OpenError};
use bulla_vault::{FileKeyring, KeyEncryptionError, KeyringError, OperatorKey, Vault, VaultError};
use thiserror::Error;

use super::Host;
use crate::limits::MAX_STORE_NAME_BYTES;

/// The embedded engine under a vault: what a relay, a carrier or a device of a real program keeps its records
/// in. To be cloned, and closed once at the end.
pub type SealedStore = Arc<Vault<FjallStore>>;

/// What the operator's key is called in the folder of the keys.
const OPERATOR_KEY: &str = "operator.key";

/// Why a sealed store could not be opened. The cause says what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenStoreError {
    /// The caller's move: the name is also that of a folder and of a file, and would be another's.
    #[error("{name:?} is no name of a store: 1 to {MAX_STORE_NAME_BYTES} letters, digits, `-` and `_`")]
    Name {
        /// What was given.
        name: String,
    },
    /// The operator's move: the folder of the records is not there and cannot be made.
    #[error("the folder {} cannot be made", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// The engine does not open.
    #[error("the engine in {} cannot be opened", path.display())]
    Engine {
        /// The folder of the records.
        path: PathBuf,
        /// Why not.
        #[source]
        source: OpenError,
    },
    /// The keyring does not open.
    #[error("the keyring of the store {name} cannot be opened")]
    Keyring {
        /// The store.
        name: String,
        /// Why not.
        #[source]
        source: KeyringError,
    },
    /// The operator's move: the folder of the keys is not there, perhaps because its disk is not mounted. For
    /// a first start it is to be made.
    #[error("the folder of the keys {} cannot be read: it is not made here", path.display())]
    Keys {
        /// The folder.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// The operator's key cannot be read, or none can be made.
    #[error("the operator's key cannot be read")]
    Key {
        /// Why not.
        #[source]
        source: KeyEncryptionError,
    },
    /// The keyring and the records do not go together.
    #[error("the vault of the store {name} cannot be opened")]
    Vault {
        /// The store.
        name: String,
        /// Why not.
        #[source]
        source: VaultError,
    },
}

impl Host {
    /// Opens the store `name`, or begins one: an embedded engine of its own, sealed by a vault of its own.
    ///
    /// ```text
    /// DATA/relay                 the engine's files: sealed, to be backed up
    /// KEYS/relay.keyring         the hours' keys: on another disk, and never backed up, or nothing is ever forgotten
    /// KEYS/operator.key          opens the keyrings of all stores: made at the first start, kept in a safe place
    /// ```
    ///
    /// The folder `keys` has to be there: were it made here, a disk that is not mounted would go unnoticed.
    /// What the store needs regularly is done by the relay, carrier or device that is opened on it. A key of
    /// another kind, such as a service's, or other settings of the engine: open the
    /// [`Vault`](bulla_vault::Vault) by itself.
    ///
    /// # Errors
    /// When `name` is anything but 1 to 64 letters, digits, `-` and `_`; when a file cannot be read or
    /// written, or is damaged, cut or somebody else's; when `keys` is not there, or the operator's key is
    /// lost while a keyring is there; or when the files of the store are ([`VaultError::StoreEmptied`]):
    /// see [`begin_store_anew`](Self::begin_store_anew).
    ///
    /// # Cost
    /// Blocks while the engine opens: after a crash about a second per 256 MiB of journals.
    pub async fn open_store(
        &self,
        name: &str,
        data: impl AsRef<Path>,
        keys: impl AsRef<Path>,
    ) -> Result<SealedStore, OpenStoreError> {
        let parts = Parts::open(self, name, data.as_ref(), keys.as_ref())?;
        let Parts { engine, keyring, key } = parts;
        let opened = Vault::open(engine.clone(), keyring, &key, self.clock(), self.rng()).await;
        sealed(name, engine, opened).await
    }

    /// Begins the store `name` anew, whose files are lost although its keyring is there: for an operator who
    /// gives them up, with the identities in them. As [`Vault::begin_anew`]; done when a relay, carrier or
    /// device was opened on it.
    ///
    /// # Errors
    /// As [`open_store`](Self::open_store); and [`VaultError::NotEmpty`] when the files are there.
    pub async fn begin_store_anew(
        &self,
        name: &str,
        data: impl AsRef<Path>,
        keys: impl AsRef<Path>,
    ) -> Result<SealedStore, OpenStoreError> {
        let parts = Parts::open(self, name, data.as_ref(), keys.as_ref())?;
        let Parts { engine, keyring, key } = parts;
        let begun = Vault::begin_anew(engine.clone(), keyring, &key, self.clock(), self.rng()).await;
        sealed(name, engine, begun).await
    }
}

/// What a vault is opened with.
struct Parts {
    engine: FjallStore,
    keyring: FileKeyring,
    key: OperatorKey,
}

impl Parts {
    fn open(host: &Host, name: &str, data: &Path, keys: &Path) -> Result<Self, OpenStoreError> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=MAX_STORE_NAME_BYTES).contains(&name.len()) || !name.bytes().all(is_letter) {
            return Err(OpenStoreError::Name { name: name.chars().take(MAX_STORE_NAME_BYTES).collect() });
        }
        // Before anything is made that would be left behind.
        if let Err(source) = std::fs::read_dir(keys) {
            return Err(OpenStoreError::Keys { path: keys.to_owned(), source });
        }
        let path = data.join(name);
        let engine = match std::fs::create_dir_all(&path) {
            Ok(()) => FjallStore::open(&path, FjallOptions::default()),
            Err(source) => return Err(OpenStoreError::Folder { path, source }),
        };
        let engine = engine.map_err(|source| OpenStoreError::Engine { path, source })?;
        let keyring = FileKeyring::open(keys.join(format!("{name}.keyring")))
            .map_err(|source| OpenStoreError::Keyring { name: name.to_owned(), source })?;
        // One that is lost is an error for as long as any keyring needs it.
        let key = OperatorKey::read_or_create_file(keys.join(OPERATOR_KEY), [keys], host.rng())
            .map_err(|source| OpenStoreError::Key { source })?;
        Ok(Self { engine, keyring, key })
    }
}

async fn sealed(
    name: &str,
    engine: FjallStore,
    vault: Result<Vault<FjallStore>, VaultError>,
) -> Result<SealedStore, OpenStoreError> {
    match vault {
        Ok(vault) => Ok(Arc::new(vault)),
        Err(source) => {
            // So that it can be opened again at once, to begin anew. Why it could not be closed says less
            // than why it could not be opened.
            drop(engine.close().await);
            Err(OpenStoreError::Vault { name: name.to_owned(), source })
        }
    }
}
