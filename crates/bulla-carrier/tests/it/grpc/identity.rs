//! Who calls has proved on its connection that it holds its identity key.

use std::collections::BTreeMap;

use bulla_base::Rng;
use bulla_carrier::CarrierStats;
use bulla_envelope::IdentitySigner;
use bulla_transport::grpc::proto::{
    self, Binding, IdentityProblem as Problem, Reason, Refusal, client_frame,
};
use bulla_transport::grpc::{CREDENTIAL_METADATA, ChannelBinding, IdentityProof};
use bulla_transport::{Caller, IdentityProblem, NumberProof, Sequence, Transport, TransportError};
use bytes::Bytes;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tonic::metadata::MetadataValue;
use tonic::{Request, Status};

use super::{Raw, RawStream, Served};
use crate::identities::{Key, installation};
use crate::{alice, caller, shop};

/// What a client in another language says, step by step.
pub(super) struct Prover {
    pub(super) caller: Caller,
    pub(super) key: Key,
    pub(super) binding: ChannelBinding,
}

impl Prover {
    pub(super) fn new(caller: Caller) -> Self {
        Self { caller, key: Key::of(b"identity"), binding: ChannelBinding::None }
    }

    pub(super) async fn nonce(client: &mut Raw) -> Bytes {
        let given = client.challenge(proto::ChallengeRequest {}).await.unwrap().into_inner();
        assert_eq!((given.nonce.len(), given.seconds), (64, 60));
        given.nonce
    }

    pub(super) fn proof(&self, nonce: &Bytes, rng: &dyn Rng) -> proto::ProveRequest {
        let statement = IdentityProof::statement(nonce, &self.binding, &self.caller).unwrap();
        proto::ProveRequest {
            caller: Some((&self.caller).into()),
            identity_key: self.key.identity_key().to_vec().into(),
            nonce: nonce.clone(),
            binding: self.binding.kind().into(),
            signature: self.key.sign(&statement, rng).to_vec().into(),
        }
    }

    /// All of it: the credential, or why there is none.
    pub(super) async fn prove(&self, client: &mut Raw, rng: &dyn Rng) -> Result<Bytes, Status> {
        let nonce = Self::nonce(client).await;
        let given = client.prove(self.proof(&nonce, rng)).await?.into_inner();
        assert_eq!(given.seconds, 3600);
        Ok(given.token)
    }
}

/// A call with this credential.
pub(super) fn with<M>(token: &[u8], message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert_bin(CREDENTIAL_METADATA, MetadataValue::from_bytes(token));
    request
}

pub(super) async fn connect(client: &mut Raw, token: &[u8], caller: &Caller) -> Result<(), Status> {
    client.connect(with(token, proto::ConnectRequest { caller: Some(caller.into()) })).await.map(drop)
}

/// What is missing of the proof.
pub(super) fn problem<R>(refused: Result<R, Status>) -> Problem {
    let refusal = Refusal::in_status(&refused.err().unwrap()).unwrap();
    assert!(refusal.reason() == Reason::Unauthenticated, "{}", refusal.reason().as_str_name());
    refusal.identity_problem()
}

pub(super) fn is<R>(refused: Result<R, Status>, expected: Problem) {
    let found = problem(refused);
    assert!(found == expected, "{} instead of {}", found.as_str_name(), expected.as_str_name());
}

#[tokio::test]
async fn a_client_in_another_language_proves_who_it_is_and_may_speak() {
    let served = Served::new().await;
    let mut client = served.raw().await;
    let us = caller(shop(), 1);
    let token = Prover::new(us.clone()).prove(&mut client, &served.world.rng).await.unwrap();
    connect(&mut client, &token, &us).await.unwrap();
    // A later start of the same installation is the same caller.
    connect(&mut client, &token, &caller(shop(), 2)).await.unwrap();

    is(connect(&mut client, &[], &us).await, Problem::Unknown);
    let bare = client.connect(proto::ConnectRequest { caller: Some((&us).into()) }).await;
    is(bare, Problem::Missing);
    let open = client_frame::Frame::Open((&us).into());
    is(RawStream::begin(&mut client, open).await, Problem::Missing);
    let CarrierStats { refused, .. } = served.world.carrier.stats().await.unwrap();
    assert_eq!(refused, 0, "the carrier was not asked");
}

#[tokio::test]
async fn a_proof_by_another_key_or_of_something_else_is_none() {
    let served = Served::new().await;
    let (mut client, rng) = (served.raw().await, &served.world.rng);
    let (us, her) = (caller(shop(), 1), caller(alice(), 1));

    let other_key = Prover { key: Key::of(b"new"), ..Prover::new(us.clone()) };
    is(other_key.prove(&mut client, rng).await, Problem::OtherKey);
    // Says the right key, and has signed with another.
    let nonce = Prover::nonce(&mut client).await;
    let mut proof = other_key.proof(&nonce, rng);
    proof.identity_key = Key::of(b"identity").identity_key().to_vec().into();
    is(client.prove(proof).await, Problem::Signature);
    // Signed for another number, and for another incarnation.
    for other in [her, caller(shop(), 2)] {
        let nonce = Prover::nonce(&mut client).await;
        let mut proof = Prover::new(other).proof(&nonce, rng);
        proof.caller = Some((&us).into());
        is(client.prove(proof).await, Problem::Signature);
    }
    // Signed over another nonce.
    let (one, other) = (Prover::nonce(&mut client).await, Prover::nonce(&mut client).await);
    let mut proof = Prover::new(us.clone()).proof(&one, rng);
    proof.nonce = other;
    is(client.prove(proof).await, Problem::Signature);
    // Bound to something that this connection does not have, or has not said.
    let exported = Prover { binding: ChannelBinding::TlsExporter([7; 32]), ..Prover::new(us.clone()) };
    is(exported.prove(&mut client, rng).await, Problem::Binding);
    let nonce = Prover::nonce(&mut client).await;
    let mut proof = Prover::new(us).proof(&nonce, rng);
    proof.binding = Binding::Unspecified.into();
    is(client.prove(proof).await, Problem::Binding);
}

#[tokio::test]
async fn a_nonce_is_good_once_for_a_minute_on_its_connection() {
    let served = Served::new().await;
    let (mut client, mut other, rng) = (served.raw().await, served.raw().await, &served.world.rng);
    let prover = Prover::new(caller(shop(), 1));

    let nonce = Prover::nonce(&mut client).await;
    let proof = prover.proof(&nonce, rng);
    is(other.prove(proof.clone()).await, Problem::OtherConnection);
    client.prove(proof.clone()).await.unwrap();
    is(client.prove(proof).await, Problem::NonceUsed);
    // A guess uses it up as well.
    let nonce = Prover::nonce(&mut client).await;
    let mut guess = prover.proof(&nonce, rng);
    guess.signature = vec![7; 64].into();
    is(client.prove(guess).await, Problem::Signature);
    is(client.prove(prover.proof(&nonce, rng)).await, Problem::NonceUsed);

    let nonce = Prover::nonce(&mut client).await;
    for at in [0, 8, 16, 63] {
        let mut spoilt = nonce.to_vec();
        spoilt[at] ^= 1;
        is(client.prove(prover.proof(&spoilt.into(), rng)).await, Problem::Unknown);
    }
    is(client.prove(prover.proof(&Bytes::new(), rng)).await, Problem::Unknown);
    let late = Prover::nonce(&mut client).await;
    served.advance(60);
    is(client.prove(prover.proof(&late, rng)).await, Problem::Expired);
    prover.prove(&mut client, rng).await.unwrap();
}

#[tokio::test]
async fn a_credential_is_good_for_an_hour_for_its_caller_on_its_connection() {
    let served = Served::new().await;
    let (mut client, mut other, rng) = (served.raw().await, served.raw().await, &served.world.rng);
    let (us, her) = (caller(shop(), 1), caller(alice(), 1));
    let token = Prover::new(us.clone()).prove(&mut client, rng).await.unwrap();

    is(connect(&mut other, &token, &us).await, Problem::OtherConnection);
    is(connect(&mut client, &token, &her).await, Problem::OtherCaller);
    let another = Caller::new(shop(), installation(b"new"), us.incarnation());
    is(connect(&mut client, &token, &another).await, Problem::OtherCaller);
    for at in 0..token.len() {
        let mut spoilt = token.to_vec();
        spoilt[at] ^= 1;
        is(connect(&mut client, &spoilt, &us).await, Problem::Unknown);
    }
    is(connect(&mut client, &token[..token.len() - 1], &us).await, Problem::Unknown);

    served.advance(3599);
    connect(&mut client, &token, &us).await.unwrap();
    served.advance(1);
    is(connect(&mut client, &token, &us).await, Problem::Expired);
}

/// What it was given stays good for what it is; that another has taken its place is told it by name.
#[tokio::test]
async fn the_credential_of_a_former_installation_opens_nothing() {
    let served = Served::new().await;
    let mut client = served.raw().await;
    let old = caller(alice(), 1);
    let token = Prover::new(old.clone()).prove(&mut client, &served.world.rng).await.unwrap();
    connect(&mut client, &token, &old).await.unwrap();
    let new = Caller::new(alice(), installation(b"a new phone"), old.incarnation());
    served.transport().register(&new, &NumberProof::none()).await.unwrap();
    let refused = connect(&mut client, &token, &old).await.unwrap_err();
    let refusal = Refusal::in_status(&refused).unwrap();
    assert!(refusal.reason() == Reason::Fenced && refusal.reinstalled);
}

/// An hour later, and when the carrier has been started anew behind the same connection's end.
#[tokio::test]
async fn our_client_proves_itself_anew_when_its_credential_is_not_taken_any_more() {
    let served = Served::new().await;
    let (transport, us) = (served.transport(), caller(shop(), 1));
    transport.connect(&us).await.unwrap();
    for _ in 0..3 {
        served.advance(3600);
        transport.connect(&us).await.unwrap();
        transport.acknowledge(&us, &[Sequence::new(1, 1)]).await.unwrap();
    }
}

#[tokio::test]
async fn who_has_no_signer_is_told_what_is_missing_and_may_come_again() {
    let served = Served::new().await;
    let stranger = Caller::new(alice(), installation(b"nobody's"), caller(alice(), 1).incarnation());
    let refused = served.transport().connect(&stranger).await.unwrap_err();
    assert!(refused.may_pass(), "what it would send is not lost");
    assert!(matches!(refused, TransportError::Unauthenticated { problem: IdentityProblem::Missing }));
    assert_eq!(refused.to_string(), "the caller's identity was not proved: missing");
}

/// With the credential of the first device of its installation; then it proves itself under its own number.
#[tokio::test]
async fn a_device_without_a_number_is_given_one_over_the_wire() {
    let served = Served::new().await;
    let (mut client, rng) = (served.raw().await, &served.world.rng);
    for number in 1..=11_u8 {
        let first = Caller::new(alice(), installation(&[number]), caller(alice(), 1).incarnation());
        let prover = Prover { key: Key::of(&[number]), ..Prover::new(first.clone()) };
        let token = prover.prove(&mut client, rng).await.unwrap();
        let mut unnumbered = proto::Caller::from(&first);
        unnumbered.address = [b"\0", &unnumbered.address[1..]].concat().into();
        let request = proto::RegisterRequest { caller: Some(unnumbered), proof: Bytes::new() };
        let bare = client.register(request.clone()).await;
        is(bare, Problem::Missing);
        match client.register(with(&token, request)).await {
            Ok(registered) => assert_eq!(registered.into_inner().device, number.into()),
            Err(refused) => {
                let refusal = Refusal::in_status(&refused).unwrap();
                assert_eq!((number, refusal.field.as_str(), refusal.limit), (11, "devices", 10));
            }
        }
    }
    let device = bulla_base::DeviceId::new(7).unwrap();
    let address = bulla_base::Address::new(alice().party().clone(), device);
    let seventh = Caller::new(address, installation(&[7]), caller(alice(), 1).incarnation());
    let prover = Prover { key: Key::of(&[7]), ..Prover::new(seventh.clone()) };
    let token = prover.prove(&mut client, rng).await.unwrap();
    connect(&mut client, &token, &seventh).await.unwrap();
}

/// What was counted of proofs since it was last asked: those that were good, and the others by kind.
fn counted(snapshotter: &Snapshotter) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let DebugValue::Counter(count @ 1..) = value else { continue };
        let kind =
            key.key().labels().find(|label| label.key() == "kind").map(|label| label.value().to_owned());
        match key.key().name() {
            "bulla_carrier_identities_proven_total" => found.insert("proven".to_owned(), count),
            "bulla_carrier_unauthenticated_total" => found.insert(kind.unwrap(), count),
            _ => None,
        };
    }
    found
}

#[tokio::test]
async fn every_refusal_is_counted_by_its_kind_and_callers_at_once_prove_themselves_once() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    // The runtime has one thread, which is this one.
    let _recording = metrics::set_default_local_recorder(&recorder);
    let served = Served::new().await;
    let (transport, us) = (served.transport(), caller(shop(), 1));
    let at_once = |count: usize| {
        futures_util::future::join_all((0..count).map(|_| async { transport.connect(&us).await.unwrap() }))
    };
    at_once(20).await;
    assert_eq!(counted(&snapshotter), BTreeMap::from([("proven".to_owned(), 1)]));
    served.advance(3600);
    at_once(1).await;
    let expected = [("expired".to_owned(), 1), ("proven".to_owned(), 1)];
    assert_eq!(counted(&snapshotter), BTreeMap::from(expected));

    let (mut client, rng) = (served.raw().await, &served.world.rng);
    let token = Prover::new(us.clone()).prove(&mut client, rng).await.unwrap();
    let nonce = Prover::nonce(&mut client).await;
    client.prove(Prover::new(us.clone()).proof(&nonce, rng)).await.unwrap();
    counted(&snapshotter);
    is(client.prove(Prover::new(us.clone()).proof(&nonce, rng)).await, Problem::NonceUsed);
    is(connect(&mut client, b"", &us).await, Problem::Unknown);
    is(connect(&mut client, &token, &caller(alice(), 1)).await, Problem::OtherCaller);
    is(connect(&mut served.raw().await, &token, &us).await, Problem::OtherConnection);
    let other_key = Prover { key: Key::of(b"new"), ..Prover::new(us.clone()) };
    is(other_key.prove(&mut client, rng).await, Problem::OtherKey);
    let bare = client.connect(proto::ConnectRequest { caller: Some((&us).into()) }).await;
    is(bare, Problem::Missing);
    let exported = Prover { binding: ChannelBinding::TlsExporter([7; 32]), ..Prover::new(us.clone()) };
    is(exported.prove(&mut client, rng).await, Problem::Binding);
    let nonce = Prover::nonce(&mut client).await;
    let mut unsigned = Prover::new(us).proof(&nonce, rng);
    unsigned.signature = vec![0; 64].into();
    is(client.prove(unsigned).await, Problem::Signature);
    let kinds = [
        "binding",
        "missing",
        "nonce_used",
        "other_caller",
        "other_connection",
        "other_key",
        "signature",
        "unknown",
    ];
    assert_eq!(counted(&snapshotter), kinds.map(|kind| (kind.to_owned(), 1)).into());
}
