//! A relay registers the business numbers that an operator has granted it.

use std::sync::Arc;

use bulla_base::{Address, PhoneNumberId, SeededRng, Timestamp};
use bulla_carrier::{Carrier, GrantVerifier, NumberGrant, NumberVerifier, OperatorKey, Verdict};
use bulla_store::BoxStore;
use bulla_transport::{Caller, Incarnation, NumberProof, Transport, TransportError};

use crate::identities::installation;
use crate::{NOW, SHOP, World, alice, caller, days, shop};

/// Believes users who know the code.
struct Code;

impl NumberVerifier for Code {
    fn verify<'a>(&'a self, _: &'a Address, proof: &'a NumberProof) -> Verdict<'a> {
        Box::pin(std::future::ready(Ok(proof.as_bytes() == b"1234")))
    }
}

struct Operated {
    world: World,
    operator: OperatorKey,
    carrier: Carrier<BoxStore>,
}

impl Operated {
    async fn new() -> Self {
        let world = World::new().await;
        let operator = OperatorKey::generate(&SeededRng::new(5));
        let verifier = GrantVerifier::new([operator.public()], world.clock.clone(), Arc::new(Code));
        let (clock, verifier) = (world.clock.clone(), Arc::new(verifier));
        let carrier =
            Carrier::open_verifying(BoxStore::new(world.store.clone()), clock, &world.rng, verifier)
                .await
                .unwrap();
        Self { world, operator, carrier }
    }

    async fn register(
        &self,
        caller: &Caller,
        grant: &NumberGrant,
        by: &OperatorKey,
    ) -> Result<(), TransportError> {
        let proof = by.issue(grant, &self.world.rng).unwrap();
        self.carrier.register(caller, &proof).await.map(drop)
    }
}

fn grant(numbers: &[PhoneNumberId], from: Timestamp) -> NumberGrant {
    NumberGrant::new(numbers.iter().copied(), from, from.after(days(1))).unwrap()
}

fn is_unproven<R>(outcome: Result<R, TransportError>) -> bool {
    matches!(outcome, Err(TransportError::Unproven))
}

#[tokio::test]
async fn a_relay_registers_every_number_of_its_grant() {
    let here = Operated::new().await;
    let other = PhoneNumberId::new(7);
    let both = grant(&[SHOP, other], NOW);
    assert!(is_unproven(here.carrier.connect(&caller(shop(), 1)).await), "nothing was shown");
    for number in [SHOP, other] {
        let us = caller(Address::business(number), 1);
        here.register(&us, &both, &here.operator).await.unwrap();
    }
    // It is shown once: who is registered connects without, also when the grant is over.
    here.world.clock.set(NOW.after(days(2)));
    here.carrier.connect(&caller(shop(), 2)).await.unwrap();
}

#[tokio::test]
async fn a_grant_by_another_for_another_or_out_of_its_time_is_none() {
    let here = Operated::new().await;
    let us = caller(shop(), 1);
    let stranger = OperatorKey::generate(&SeededRng::new(6));
    assert!(is_unproven(here.register(&us, &grant(&[SHOP], NOW), &stranger).await));
    let other = grant(&[PhoneNumberId::new(7)], NOW);
    assert!(is_unproven(here.register(&us, &other, &here.operator).await));
    let elsewhere = grant(&[SHOP], NOW).to_relay(installation(b"new"));
    assert!(is_unproven(here.register(&us, &elsewhere, &here.operator).await));
    let to_come = grant(&[SHOP], NOW.after(days(1)));
    assert!(is_unproven(here.register(&us, &to_come, &here.operator).await));

    let ours = grant(&[SHOP], NOW).to_relay(us.installation());
    here.world.clock.set(NOW.after(days(1)));
    assert!(is_unproven(here.register(&us, &ours, &here.operator).await), "it is over");
    let again = grant(&[SHOP], NOW.after(days(1))).to_relay(us.installation());
    here.register(&us, &again, &here.operator).await.unwrap();
}

#[tokio::test]
async fn a_grant_says_nothing_of_users_and_a_users_code_nothing_of_businesses() {
    let here = Operated::new().await;
    let code = NumberProof::new(b"1234".to_vec()).unwrap();
    assert!(is_unproven(here.carrier.register(&caller(shop(), 1), &code).await));
    let her = Caller::new(alice(), installation(b"identity"), Incarnation::new(1));
    assert!(is_unproven(here.register(&her, &grant(&[SHOP], NOW), &here.operator).await));
    here.carrier.register(&her, &code).await.unwrap();
}
