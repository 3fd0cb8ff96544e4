//! PQXDH: how two devices that never met agree on the secrets a session starts from.

use bulla_spqr::Secret;
use bulla_spqr::kdf::UNSALTED;
use rand_core::CryptoRng;

use crate::error::KeyError;
use crate::identity::IdentityKey;
use crate::key::{KeyPair, PublicKey};
use crate::kyber::KyberCiphertext;
use crate::local_identity::LocalIdentity;
use crate::prekey::{KyberPreKey, OneTimePreKey, PreKeyBundle, SignedPreKey};
use crate::session::{copied, derived};

const INFO: &[u8] = b"WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024";

/// What both ends know afterwards.
pub(crate) struct Agreed {
    pub(crate) root: Secret<32>,
    pub(crate) chain: Secret<32>,
    /// What the post-quantum ratchet is authenticated with.
    pub(crate) auth_key: Secret<32>,
}

/// The initiator's half: what was agreed, and what the responder needs to agree too.
pub(crate) struct Initiated {
    pub(crate) agreed: Agreed,
    pub(crate) base_key: PublicKey,
    pub(crate) ciphertext: KyberCiphertext,
}

/// The initiator's side. The bundle's signatures have been verified.
pub(crate) fn initiate(
    local: &LocalIdentity,
    bundle: &PreKeyBundle,
    rng: &mut impl CryptoRng,
) -> Result<Initiated, KeyError> {
    let base = KeyPair::generate(rng);
    let (_, signed, _) = &bundle.signed;
    // Both ends add in this order, which is the specification's (PQXDH, section 3.3): DH1 to DH4, then the
    // encapsulated secret.
    let mut material = Material::new();
    material.add(&local.identity().private().agree(signed)?);
    material.add(&base.private.agree(bundle.identity.public())?);
    material.add(&base.private.agree(signed)?);
    if let Some((_, one_time)) = &bundle.one_time {
        material.add(&base.private.agree(one_time)?);
    }
    let (ciphertext, shared) = bundle.kyber.1.encapsulate(rng);
    material.add(&shared);
    Ok(Initiated { agreed: material.derive(), base_key: base.public, ciphertext })
}

/// The responder's side. The base key has been found canonical.
pub(crate) fn respond(
    local: &LocalIdentity,
    signed: &SignedPreKey,
    kyber: &KyberPreKey,
    one_time: Option<&OneTimePreKey>,
    their_identity: &IdentityKey,
    base_key: &PublicKey,
    ciphertext: &[u8; KyberCiphertext::BYTES],
) -> Result<Agreed, KeyError> {
    let signed = &signed.pair().private;
    let mut material = Material::new();
    material.add(&signed.agree(their_identity.public())?);
    material.add(&local.identity().private().agree(base_key)?);
    material.add(&signed.agree(base_key)?);
    if let Some(one_time) = one_time {
        material.add(&one_time.private().agree(base_key)?);
    }
    material.add(&kyber.pair().decapsulate(ciphertext));
    Ok(material.derive())
}

/// The concatenation everything is derived from: a prefix and five or six secrets.
struct Material {
    bytes: Secret<{ 7 * 32 }>,
    length: usize,
}

impl Material {
    fn new() -> Self {
        let mut bytes = Secret::ZERO;
        // No public key is encoded like this, so that what is hashed here is hashed nowhere else (X3DH,
        // section 2.2).
        bytes.expose_mut()[..32].fill(0xFF);
        Self { bytes, length: 32 }
    }

    fn add(&mut self, secret: &Secret<32>) {
        let end = self.length + 32;
        self.bytes.expose_mut()[self.length..end].copy_from_slice(secret.expose());
        self.length = end;
    }

    fn derive(&self) -> Agreed {
        let all: Secret<96> = derived(&UNSALTED, &self.bytes.expose()[..self.length], INFO);
        let all = all.expose();
        Agreed { root: copied(all), chain: copied(&all[32..]), auth_key: copied(&all[64..]) }
    }
}
