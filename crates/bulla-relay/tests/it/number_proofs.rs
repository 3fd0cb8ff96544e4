//! A carrier that wants it proven whose a number is.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Address, PhoneNumberId};
use bulla_carrier::{Carrier, NumberVerifier, Verdict};
use bulla_relay::{
    Business, BusinessError, NumberProof, Relay, RelayError, Report, SubmitError, SuspendedPart,
};
use bulla_store::{BoxStore, MemoryStore};
use bulla_transport::TransportError;

use crate::world::{BAKERY, Line, SHOP, TestRelay, World, alice, business, to};

const KIOSK: PhoneNumberId = PhoneNumberId::new(7);

/// Believes who knows the code.
struct Code;

impl NumberVerifier for Code {
    fn verify<'a>(&'a self, _: &'a Address, proof: &'a NumberProof) -> Verdict<'a> {
        Box::pin(async move { Ok(proof.as_bytes() == b"a secret code") })
    }
}

fn proven(id: PhoneNumberId, code: &[u8]) -> Business {
    business(id).proven_by(NumberProof::new(code.to_vec()).unwrap())
}

async fn line(world: &World) -> Line {
    let (rows, clock) = (Arc::new(MemoryStore::new()), Arc::clone(&world.clock));
    Line::to(Carrier::open_verifying(rows, clock, &*world.rng, Arc::new(Code)).await.unwrap())
}

async fn open(world: &World, store: &Arc<MemoryStore>, line: &Line, businesses: Vec<Business>) -> TestRelay {
    let (store, line, sink) = (Arc::clone(store), line.clone(), world.sink.clone());
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    Relay::builder(BoxStore::new(store), line, sink, clock, rng).businesses(businesses).open().await.unwrap()
}

/// That the business has stopped because it is not proven; the report of it.
async fn is_unproven(relay: &TestRelay, id: PhoneNumberId) {
    let mut reports = relay.reports();
    loop {
        match reports.next().await {
            Some(Report::Suspended(suspended)) if suspended.part == SuspendedPart::Business(id) => {
                let why = &*suspended.why;
                assert!(matches!(why, RelayError::Transport(TransportError::Unproven)), "{why:?}");
                break;
            }
            Some(_) => {}
            None => panic!("nothing is told of it"),
        }
    }
    let refused = relay.submit(id, to(alice(), "hello")).await;
    assert!(matches!(refused, Err(SubmitError::Suspended { .. })), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_number_is_registered_with_its_proof_and_one_that_is_refused_stops_alone() {
    let world = World::new().await;
    world.relay.close().await;
    let line = line(&world).await;
    let store = Arc::default();
    let businesses = vec![proven(SHOP, b"a secret code"), proven(BAKERY, b"a guess"), business(KIOSK)];
    let relay = open(&world, &store, &line, businesses).await;
    relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    is_unproven(&relay, BAKERY).await;
    is_unproven(&relay, KIOSK).await;

    let again = relay.resume(SuspendedPart::Business(KIOSK)).await;
    assert!(matches!(again, Err(BusinessError::Suspended { business: KIOSK, .. })), "{again:?}");
    relay.change_business(proven(KIOSK, b"a secret code")).await.unwrap();
    relay.resume(SuspendedPart::Business(KIOSK)).await.unwrap();
    relay.submit(KIOSK, to(alice(), "hello")).await.unwrap();
    relay.remove_business(BAKERY).await.unwrap();
    relay.add_business(proven(BAKERY, b"a secret code")).await.unwrap();
    relay.submit(BAKERY, to(alice(), "hello")).await.unwrap();
    assert!(!format!("{:?}", proven(SHOP, b"a secret code")).contains("secret"));
    relay.close().await;

    let relay = open(&world, &store, &line, [SHOP, BAKERY, KIOSK].map(business).into()).await;
    world.pass(Duration::from_secs(60)).await;
    assert!(relay.suspended().is_empty(), "what was proven need not be proven again");
}

/// It knew nobody any more, and the relay showed it nothing although its host had handed over a proof.
#[tokio::test(start_paused = true)]
async fn a_carrier_that_has_forgotten_a_number_is_shown_the_proof_again() {
    let world = World::new().await;
    world.relay.close().await;
    let line = line(&world).await;
    let relay =
        open(&world, &world.rows, &line, vec![business(SHOP), proven(BAKERY, b"a secret code")]).await;
    is_unproven(&relay, SHOP).await;
    relay.submit(BAKERY, to(alice(), "hello")).await.unwrap();
    relay.change_business(proven(SHOP, b"a secret code")).await.unwrap();
    relay.resume(SuspendedPart::Business(SHOP)).await.unwrap();
    relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
}
