//! Keys published in advance, so that a session can start while their owner is away.

mod bundle;
mod kyber;
mod one_time;
mod record;
mod signed;
mod source;

pub use bundle::PreKeyBundle;
pub use kyber::KyberPreKey;
pub use one_time::OneTimePreKey;
pub use signed::SignedPreKey;
pub use source::{LoadedPreKeys, NoPreKeys, PreKeySource, UsedPreKeys};
