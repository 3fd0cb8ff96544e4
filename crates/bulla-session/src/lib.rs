#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`LocalIdentity`], [`PreKeyBundle`], [`Sessions`]; then [`LoadedPreKeys`] for what a message uses up,
//! [`StoredPart`] for what is stored, [`Fingerprint`] to compare, and every bound in [`limits`].

mod identity;
mod key;
mod local_identity;
mod numeric_ids;
mod service_address;
mod trust;

mod kyber;
mod pqxdh;
mod prekey;
mod x25519;

pub mod message;
mod session;

mod fingerprint;

pub mod error;
pub mod limits;
mod protobuf;
mod time;

pub use identity::{IdentityKey, IdentityKeyPair};
pub use key::{PrivateKey, PublicKey, Signature};
pub use local_identity::LocalIdentity;
pub use numeric_ids::{DeviceId, KyberPreKeyId, OneTimePreKeyId, RegistrationId, SignedPreKeyId};
pub use service_address::{Addresses, ServiceAddress, ServiceKind};
pub use trust::Trust;

pub use kyber::{KyberKeyPair, KyberPublicKey};
pub use prekey::{
    KyberPreKey, LoadedPreKeys, NoPreKeys, OneTimePreKey, PreKeyBundle, PreKeySource, SignedPreKey,
    UsedPreKeys,
};

pub use message::{CiphertextMessage, CiphertextRef, MessageKind, PreKeyIds};
pub use session::{
    Failed, InitiateError, MissingPreKey, OpenError, Opened, SealError, Sealed, Sessions, StoredPart,
    StoredPartName,
};

pub use fingerprint::{Fingerprint, FingerprintError};

pub use time::{UnixMillis, UnixSeconds};

#[doc(inline)]
pub use bulla_spqr::{Secret, Wiped};
