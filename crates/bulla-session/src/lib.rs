#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`LocalParty`], [`PreKeyBundle`], [`Sessions`]; then [`LoadedPreKeys`] for what a message uses up,
//! [`Part`] for what is stored, [`Fingerprint`] to compare, and every bound in [`limits`].

mod agreement;
pub mod error;
mod fingerprint;
mod id;
mod identity;
mod key;
mod kyber;
pub mod limits;
pub mod message;
mod party;
mod pqxdh;
mod prekey;
mod protobuf;
mod secret;
mod session;
mod time;
mod xeddsa;

#[doc(inline)]
pub use bulla_spqr::Wiped;

pub use fingerprint::{Fingerprint, FingerprintError};
pub use id::{DeviceId, KyberPreKeyId, OneTimePreKeyId, RegistrationId, SignedPreKeyId};
pub use identity::{IdentityKey, IdentityKeyPair};
pub use key::{PrivateKey, PublicKey, Signature};
pub use kyber::{KyberKeyPair, KyberPublicKey};
pub use message::{CiphertextMessage, CiphertextRef, MessageKind, PreKeyIds};
pub use party::{Addresses, LocalParty, ServiceAddress, ServiceKind, Trust};
pub use prekey::{
    KyberPreKey, LoadedPreKeys, NoPreKeys, OneTimePreKey, PreKeyBundle, PreKeySource, SignedPreKey,
    UsedPreKeys,
};
pub use secret::Secret;
pub use session::{
    Failed, InitiateError, MissingPreKey, OpenError, Opened, Part, PartName, SealError, Sealed, Sessions,
};
pub use time::{UnixMillis, UnixSeconds};
