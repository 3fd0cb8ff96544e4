//! Who talks through the carrier.

use std::net::SocketAddr;
use std::sync::Arc;

use bulla_base::{Address, Category, MessageId, Number, PhoneNumberId, Rng, Timestamp};
use bulla_envelope::{
    Envelope, Form, FrankingTag, IdentitySigner, InstallationId, KeyUpload, Kind, OneTimeKey, SignedKey,
};
use bulla_transport::grpc::{GrpcTransport, Tls, tls_client};
use bulla_transport::{Caller, Incarnation, Transport};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::clock::Machine;

/// The authority of the carrier's certificate, and the carrier's name in it.
const AUTHORITY: &[u8] = include_bytes!("../../crates/bulla-carrier/tests/data/tls/authority.der");
pub(crate) const NAME: &str = "carrier.example";

pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls_graviola::default_provider())
}

pub(crate) fn client_config() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(AUTHORITY)).unwrap();
    tls_client(provider(), roots, Arc::new(Machine)).unwrap()
}

/// Somebody's way to the carrier, over a connection of their own.
pub(crate) fn transport(carrier: SocketAddr, config: Arc<ClientConfig>) -> GrpcTransport {
    let tls = Tls::new(NAME, 443, config).unwrap().at(carrier.to_string());
    let transport = GrpcTransport::new(tls, Arc::new(Machine), Arc::new(Machine));
    transport.identify(Arc::new(IdentityKey));
    transport
}

/// The identity key of everybody here: what is measured does not ask whose it is.
#[derive(Debug)]
struct IdentityKey;

const PRIVATE: [u8; 32] = [0x48; 32];

impl IdentitySigner for IdentityKey {
    fn identity_key(&self) -> [u8; 33] {
        let mut key = [5; 33];
        key[1..].copy_from_slice(&bulla_xeddsa::public_key(&PRIVATE));
        key
    }

    fn sign(&self, statement: &[u8], rng: &dyn Rng) -> [u8; 64] {
        bulla_xeddsa::sign(&PRIVATE, &[statement], &mut rng.draw())
    }
}

pub(crate) fn business(number: u64) -> Caller {
    caller(Address::business(PhoneNumberId::new(number)))
}

pub(crate) fn user(number: u64) -> Caller {
    caller(Address::user(Number::parse(&format!("1650{number:07}")).unwrap()))
}

fn caller(address: Address) -> Caller {
    let installation = InstallationId::of_identity(&IdentityKey.identity_key());
    Caller::new(address, installation, Incarnation::new(1))
}

pub(crate) fn keys() -> KeyUpload {
    let signed = SignedKey::new(1, vec![1; 33], vec![2; 64]);
    let one_time = vec![OneTimeKey::new(1, vec![3; 33])];
    KeyUpload::new(7, IdentityKey.identity_key().to_vec(), signed.clone(), signed, one_time)
}

pub(crate) fn envelope(now: Timestamp, from: &Caller, to: &Caller, sealed: Vec<u8>) -> Envelope {
    let id = MessageId::new(now, &Machine);
    let (from, to) = (from.address().clone(), to.address().clone());
    let kind = Kind::Message(Category::Service);
    Envelope::new(id, from, to, kind, FrankingTag::from_bytes([0; 32]), Form::Signal, sealed).unwrap()
}
