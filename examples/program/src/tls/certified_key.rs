use graviola::hashing::{Hash, Sha256};
use graviola::signing::ecdsa::{P256, SigningKey};
use rcgen::{KeyIdMethod, PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm};

use crate::exit_error::ExitError;

/// How long the largest form of a key, or a signature, is at most.
const MOST_BYTES: usize = 256;
/// How long a point of P-256 is. The last of a public key's form.
const POINT_BYTES: usize = 65;
/// How much of a key's hash names it.
const IDENTIFIER_BYTES: usize = 20;

/// A P-256 key that signs or is in a certificate.
pub(super) struct CertifiedKey {
    key: SigningKey<P256>,
    point: Vec<u8>,
}

impl CertifiedKey {
    pub(super) fn generate() -> Result<Self, ExitError> {
        let no_key = |_| ExitError::new("no key can be made");
        let key = SigningKey::<P256>::generate().map_err(no_key)?;
        let mut form = [0; MOST_BYTES];
        let form = key.to_spki_der(&mut form).map_err(no_key)?;
        let point = form.last_chunk::<POINT_BYTES>().ok_or_else(|| ExitError::new("no key can be made"))?;
        Ok(Self { point: point.to_vec(), key })
    }

    pub(super) fn to_pkcs8(&self) -> Result<Vec<u8>, ExitError> {
        let mut form = [0; MOST_BYTES];
        let form = self.key.to_pkcs8_der(&mut form);
        Ok(form.map_err(|_| ExitError::new("a key cannot be written down"))?.to_vec())
    }

    /// By what certificates name it.
    pub(super) fn identifier(&self) -> KeyIdMethod {
        let hash = Sha256::hash(&self.point);
        KeyIdMethod::PreSpecified(hash.as_ref()[..IDENTIFIER_BYTES].to_vec())
    }
}

impl PublicKeyData for CertifiedKey {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for CertifiedKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut signature = [0; MOST_BYTES];
        let signature = self.key.sign_asn1::<Sha256>(&[message], &mut signature);
        Ok(signature.map_err(|_| rcgen::Error::RemoteKeyError)?.to_vec())
    }
}
