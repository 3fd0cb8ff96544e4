//! Who writes to whom: businesses, each of which has one user to write to.

use std::fmt;
use std::sync::Arc;

use bulla_base::{Address, Category, Clock, MessageId, Number, PhoneNumberId, Rng};
use bulla_envelope::{Envelope, Form, FrankingTag, IdentitySigner, InstallationId, Kind};
use bulla_transport::grpc::GrpcTransport;
use bulla_transport::{Caller, Incarnation, Transport};
use sha2::{Digest, Sha256};

use crate::clock::Machine;

/// How long what is sealed is: as long as a short text.
pub(crate) const SEALED_BYTES: usize = 300;

/// A party with its identity key.
#[derive(Clone)]
pub(crate) struct Party {
    pub(crate) caller: Caller,
    key: Arc<IdentityKey>,
}

impl Party {
    pub(crate) fn business(number: usize) -> Self {
        Self::at(Address::business(PhoneNumberId::new(100_000 + number as u64)))
    }

    pub(crate) fn user(number: usize) -> Self {
        Self::at(Address::user(Number::parse(&format!("1650{number:07}")).unwrap()))
    }

    fn at(address: Address) -> Self {
        let key = Arc::new(IdentityKey::of(&address.to_bytes()));
        let installation = InstallationId::of_identity(&key.identity_key());
        Self { caller: Caller::new(address, installation, Incarnation::new(1)), key }
    }

    /// Has the party known to the carrier behind `transport`, with its identity proven.
    pub(crate) async fn join(&self, transport: &GrpcTransport) {
        transport.identify(self.key.clone());
        transport.connect(&self.caller).await.unwrap();
    }

    /// A new envelope from this party.
    pub(crate) fn envelope_to(&self, to: &Self) -> Envelope {
        let (from, to) = (self.caller.address().clone(), to.caller.address().clone());
        let (id, kind) = (MessageId::new(Machine.now(), &Machine), Kind::Message(Category::Service));
        let franking = FrankingTag::from_bytes([0; 32]);
        Envelope::new(id, from, to, kind, franking, Form::Signal, vec![7; SEALED_BYTES]).unwrap()
    }
}

/// How many bytes an envelope is on the wire: what the peers carry as well.
pub(crate) fn envelope_bytes() -> usize {
    Party::business(0).envelope_to(&Party::user(0)).to_bytes().len()
}

struct IdentityKey([u8; 32]);

impl IdentityKey {
    fn of(name: &[u8]) -> Self {
        let mut private: [u8; 32] = Sha256::digest(name).into();
        private[0] &= 0xF8;
        private[31] = (private[31] & 0x7F) | 0x40;
        Self(private)
    }
}

impl IdentitySigner for IdentityKey {
    fn identity_key(&self) -> [u8; 33] {
        let mut key = [5; 33];
        key[1..].copy_from_slice(&bulla_xeddsa::public_key(&self.0));
        key
    }

    fn sign(&self, statement: &[u8], rng: &dyn Rng) -> [u8; 64] {
        bulla_xeddsa::sign(&self.0, &[statement], &mut rng.draw())
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityKey")
    }
}
