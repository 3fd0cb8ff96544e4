//! Lost phones: another installation proves that it has the number.

use bulla_store::BoxStore;
use std::sync::Arc;

use bulla_base::{Address, SeededRng};
use bulla_carrier::{ATTEMPTS_WINDOW, Carrier, MAX_ATTEMPTS, NumberVerifier, Verdict};
use bulla_transport::{Caller, Incarnation, NumberProof, Sequence, Transport, TransportError};

use crate::identities::{installation, key_of};
use crate::{World, alice, caller, shop, upload};

/// Another installation than that of [`caller`].
fn new_phone() -> Caller {
    Caller::new(alice(), installation(b"a new phone"), Incarnation::new(1))
}

fn shut_out<T>(result: Result<T, TransportError>) -> bool {
    matches!(result, Err(TransportError::Fenced { reinstalled: true, .. }))
}

/// Who had lost a phone could not come in ever again, because the new one had been started less often than
/// the old one.
#[tokio::test]
async fn a_new_phone_gets_in_and_every_copy_of_the_old_one_is_shut_out() {
    let world = World::new().await;
    world.join(shop()).await;
    let old = caller(alice(), 7);
    let transport = world.transport();
    transport.connect(&old).await.unwrap();
    transport.publish(&old, upload(b"identity", 2)).await.unwrap();

    assert!(shut_out(transport.connect(&new_phone()).await), "it has not registered");
    let connected = transport.register(&new_phone(), &NumberProof::none()).await.unwrap();
    assert_eq!((connected.one_time_keys, connected.highest_one_time), (0, 0));
    transport.publish(&new_phone(), upload(b"a new phone", 1)).await.unwrap();
    for incarnation in [1, 7, 8, u64::MAX] {
        let copy = caller(alice(), incarnation);
        assert!(shut_out(transport.connect(&copy).await));
        assert!(shut_out(transport.receive(&copy, Sequence::START).await));
        assert!(shut_out(transport.publish(&copy, upload(b"identity", 2)).await));
    }
    transport.connect(&new_phone()).await.unwrap();
    assert_eq!(
        Carrier::open(BoxStore::new(world.store.clone()), world.clock.clone(), &SeededRng::new(9))
            .await
            .unwrap()
            .connect(&caller(alice(), 9))
            .await
            .unwrap_err()
            .to_string(),
        "another installation has registered the number"
    );
}

#[tokio::test]
async fn a_carrier_prints_nothing_of_what_it_holds() {
    let world = World::new().await;
    world.join(alice()).await;
    assert_eq!(format!("{:?}", world.carrier), "Carrier { .. }");
}

#[tokio::test]
async fn a_new_phone_takes_the_old_keys_away_and_keeps_what_is_queued() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let envelope = world.envelope(&us, &her);
    world.transport().send(&us, envelope.clone()).await.unwrap();
    let waiting = tokio::spawn({
        let (transport, her) = (world.transport(), her.clone());
        async move { transport.receive(&her, Sequence::new(0, 1)).await.map(|found| found.len()) }
    });
    world.transport().register(&new_phone(), &NumberProof::none()).await.unwrap();
    let none = world.transport().bundle(&us, &alice()).await;
    assert!(matches!(none, Err(TransportError::NoKeys)), "the old ones open nothing any more");
    world.transport().publish(&new_phone(), upload(b"a new phone", 1)).await.unwrap();
    let bundle = world.transport().bundle(&us, &alice()).await.unwrap();
    assert_eq!(
        (&bundle.identity[..], bundle.one_time.map(|key| key.id)),
        (&key_of(b"a new phone")[..], Some(1))
    );
    let queued = world.transport().receive(&new_phone(), Sequence::START).await.unwrap();
    assert_eq!(queued[0].envelope, envelope);
    let old = waiting.await.unwrap();
    assert!(old.is_ok() || shut_out(old));
}

#[tokio::test]
async fn to_register_again_is_no_more_than_to_connect() {
    let world = World::new().await;
    let her = world.join(alice()).await;
    let connected = world.transport().register(&her, &NumberProof::none()).await.unwrap();
    assert_eq!((connected.one_time_keys, connected.highest_one_time), (2, 2), "its keys stay");
    world.transport().register(&caller(alice(), 3), &NumberProof::none()).await.unwrap();
    let refused = world.transport().register(&her, &NumberProof::none()).await;
    assert!(matches!(refused, Err(TransportError::Fenced { reinstalled: false, .. })));
}

/// Believes who knows the code, and those who say nothing if they are businesses.
struct Code;

impl NumberVerifier for Code {
    fn verify<'a>(&'a self, address: &'a Address, proof: &'a NumberProof) -> Verdict<'a> {
        let is_business = *address == shop();
        Box::pin(async move {
            match proof.as_bytes() {
                b"the service is down" => Err("no codes can be sent".into()),
                code => Ok(code == b"1234" || is_business),
            }
        })
    }
}

#[tokio::test]
async fn a_number_is_given_to_who_proves_it_and_to_nobody_else() {
    let world = World::new().await;
    let (clock, verifier) = (world.clock.clone(), Arc::new(Code));
    let carrier = Carrier::open_verifying(BoxStore::new(world.store.clone()), clock, &world.rng, verifier)
        .await
        .unwrap();
    let proof = |code: &[u8]| NumberProof::new(code.to_vec()).unwrap();
    carrier.connect(&caller(shop(), 1)).await.unwrap();

    let her = caller(alice(), 1);
    assert!(
        matches!(carrier.connect(&her).await, Err(TransportError::Unproven)),
        "not the first time either"
    );
    assert!(matches!(carrier.register(&her, &proof(b"4321")).await, Err(TransportError::Unproven)));
    let down = carrier.register(&her, &proof(b"the service is down")).await.unwrap_err();
    assert!(matches!(down, TransportError::CarrierFailed { .. }) && down.may_pass());
    carrier.register(&her, &proof(b"1234")).await.unwrap();
    carrier.connect(&caller(alice(), 2)).await.unwrap();

    let refused = carrier.register(&new_phone(), &proof(b"4321")).await;
    assert!(matches!(refused, Err(TransportError::Unproven)));
    carrier.connect(&caller(alice(), 3)).await.unwrap();
    carrier.register(&new_phone(), &proof(b"1234")).await.unwrap();
    assert!(shut_out(carrier.connect(&caller(alice(), 4)).await));
}

/// Else a code of six digits is soon guessed, by whoever asks often enough or all at once.
#[tokio::test]
async fn a_number_is_tried_no_more_often_than_it_may_and_who_comes_then_is_told_when_to_come_again() {
    let world = World::new().await;
    let (clock, verifier) = (world.clock.clone(), Arc::new(Code));
    let carrier = Carrier::open_verifying(BoxStore::new(world.store.clone()), clock, &world.rng, verifier)
        .await
        .unwrap();
    let proof = |code: &[u8]| NumberProof::new(code.to_vec()).unwrap();
    let her = caller(alice(), 1);
    let [wrong, right, down] = [&b"4321"[..], b"1234", b"the service is down"].map(proof);
    let mut outcomes = Vec::new();
    for _ in 0..MAX_ATTEMPTS {
        // What nobody could tell, and who shows nothing, are no attempts.
        assert!(carrier.register(&her, &down).await.unwrap_err().may_pass());
        assert!(matches!(carrier.connect(&her).await, Err(TransportError::Unproven)));
        outcomes.push(carrier.register(&her, &wrong).await);
    }
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(TransportError::Unproven))));
    for proof in [&wrong, &right] {
        let refused = carrier.register(&her, proof).await.unwrap_err();
        let TransportError::TooManyAttempts { retry_after } = refused else { panic!("{refused}") };
        assert_eq!(retry_after.as_secs(), 601);
    }
    // Any device of the user's is the same number; another's is not.
    let tenth = Address::new(alice().party().clone(), bulla_base::DeviceId::new(10).unwrap());
    let refused = carrier.register(&caller(tenth, 1), &right).await;
    assert!(matches!(refused, Err(TransportError::TooManyAttempts { .. })));
    let bob = Address::user(bulla_base::Number::parse("16505550000").unwrap());
    carrier.register(&caller(bob, 1), &right).await.unwrap();

    world.clock.set(crate::NOW.after(ATTEMPTS_WINDOW));
    carrier.register(&her, &right).await.unwrap();
}
