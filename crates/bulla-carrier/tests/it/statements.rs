//! A statement is told to the relay of its business, answered by it alone, and compared.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_base::{Address, BusinessAccountId, PhoneNumberId, SeededRng};
use bulla_carrier::{Carrier, IssueError};
use bulla_meter::{
    Answer, Answers, BillingRequest, BillingSigner, Comparison, Currency, Hour, LedgerSettings, LocalDate,
    MAX_BILLING_BYTES, Period, Price, PricingCategory, PricingType, RateCard, Side, SignedStatement,
    Statement, StatementParts, TagKey, Tariff, TypeRule, Zone,
};
use bulla_store::{Batch, BoxStore, Pause, SlowStore, Store, StoreCall, StoreError};
use bulla_transport::{Caller, Transport, TransportError};
use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::erase::rows;
use crate::{SHOP, World, alice, shop};

const ACCOUNT: BusinessAccountId = BusinessAccountId::new(1);

fn period(from: u32) -> Period {
    Period::new(Hour::from_minutes(from), Hour::from_minutes(from + 24 * 60)).unwrap()
}

fn card(micros: u64) -> RateCard {
    let from = LocalDate::parse("2026-01-01").unwrap();
    let prices = vec![Price::of_message(from, PricingCategory::Service, None, micros).unwrap()];
    let rules = TypeRule::everywhere(from, |_, _| PricingType::Regular);
    RateCard::new("ours", Currency::parse("EUR").unwrap(), rules, prices, Vec::new()).unwrap()
}

fn statement(period: Period, card: &RateCard) -> Statement {
    let (zone, tariff) = (Zone::utc(), Tariff::new(card, &Zone::utc()));
    Statement::new(StatementParts::new(ACCOUNT, period, &zone, &tariff), &[]).unwrap()
}

fn signers() -> [BillingSigner; 2] {
    [1, 2].map(|seed| BillingSigner::generate(&SeededRng::new(seed)))
}

async fn ask(world: &World, caller: &Caller, request: &BillingRequest) -> Result<Bytes, TransportError> {
    world.transport().billing(caller, request.to_bytes().into()).await
}

fn answer(signed: &SignedStatement) -> BillingRequest {
    BillingRequest::Answer(signed.statement().period(), Box::new(signed.clone()))
}

#[tokio::test]
async fn a_statement_is_told_to_its_business_and_to_nobody_else() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let other = world.join(Address::business(PhoneNumberId::new(5))).await;
    let ([operator, host], card) = (signers(), card(1_000));
    let signed = SignedStatement::issue(statement(period(0), &card), &operator);
    world.carrier.issue_statement(SHOP, &signed, &card, host.public()).await.unwrap();
    let request = BillingRequest::Statement(period(0));
    let world = world.restart().await;
    assert_eq!(ask(&world, &us, &request).await.unwrap(), signed.to_bytes());
    for (caller, request) in
        [(&other, &request), (&her, &request), (&us, &BillingRequest::Statement(period(60)))]
    {
        let refused = ask(&world, caller, request).await;
        assert!(matches!(refused, Err(TransportError::NoStatement)), "{refused:?}");
    }
    for junk in [Bytes::new(), vec![1; 9].into(), vec![1; MAX_BILLING_BYTES + 1].into()] {
        let refused = world.transport().billing(&us, junk).await;
        assert!(matches!(refused, Err(TransportError::Invalid { .. })), "{refused:?}");
    }
    world.carrier.erase_business(SHOP).await.unwrap();
    assert_eq!(world.carrier.statement(SHOP, period(0)).await.unwrap(), None);
}

#[tokio::test]
async fn it_is_answered_with_the_key_of_who_is_billed_and_a_counter_signature_is_the_last_word() {
    let world = World::new().await;
    let us = world.join(shop()).await;
    let ([operator, host], card) = (signers(), card(1_000));
    let signed = SignedStatement::issue(statement(period(0), &card), &operator);
    world.carrier.issue_statement(SHOP, &signed, &card, host.public()).await.unwrap();
    let disputed = signed.clone().dispute(&host, "two are missing").unwrap();
    let another = SignedStatement::issue(statement(period(0), &card), &host).counter_sign(&host);
    for wrong in [signed.clone().counter_sign(&operator), another] {
        let refused = ask(&world, &us, &answer(&wrong)).await;
        assert!(matches!(refused, Err(TransportError::Invalid { .. })), "{refused:?}");
    }
    let agreed = signed.clone().counter_sign(&host);
    for (said, answered) in [(&disputed, &disputed), (&disputed, &disputed), (&agreed, &agreed)] {
        assert!(ask(&world, &us, &answer(said)).await.unwrap().is_empty());
        assert_eq!(world.carrier.statement(SHOP, period(0)).await.unwrap().as_ref(), Some(answered));
    }
    let refused = ask(&world, &us, &answer(&disputed)).await;
    assert!(matches!(refused, Err(TransportError::Invalid { .. })), "{refused:?}");
    let again = world.carrier.issue_statement(SHOP, &signed, &card, host.public()).await;
    assert!(matches!(again, Err(IssueError::CounterSigned)), "{again:?}");
    let kept = world.carrier.statement(SHOP, period(0)).await.unwrap().unwrap();
    assert!(kept.verify(operator.public(), host.public()));
    assert!(matches!(kept.answer(), Some(Answer::CounterSigned { .. })));
    // What was answered already and what was rated by another card is not issued.
    let late = SignedStatement::issue(statement(period(60), &card), &operator);
    let other_card = self::card(2_000);
    for (signed, card) in [(&late.clone().counter_sign(&host), &card), (&late, &other_card)] {
        let refused = world.carrier.issue_statement(SHOP, signed, card, host.public()).await;
        assert!(matches!(refused, Err(IssueError::Invalid(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn what_was_counted_is_compared_where_there_is_a_statement() {
    let ledger = LedgerSettings::new(TagKey::from_bytes([7; 32].into()));
    let world = World::changed(|carrier| carrier.with_ledger(ledger)).await;
    let us = world.join(shop()).await;
    let ([operator, host], card) = (signers(), card(1_000));
    let side = Side::new(Zone::utc(), Vec::new()).unwrap();
    let mut comparison = Comparison::new(&side);
    let request = BillingRequest::Compare(period(0), comparison.question().unwrap());
    let refused = ask(&world, &us, &request).await;
    assert!(matches!(refused, Err(TransportError::NoStatement)), "{refused:?}");
    let signed = SignedStatement::issue(statement(period(0), &card), &operator);
    world.carrier.issue_statement(SHOP, &signed, &card, host.public()).await.unwrap();
    let told = ask(&world, &us, &request).await.unwrap();
    comparison.answer(&Answers::from_bytes(&told).unwrap()).unwrap();
    assert!(comparison.question().is_none());
    assert!(comparison.finish().unwrap().differences().is_empty());
}

/// Whoever issues all statements again after a crash would have erased what was said to them.
#[tokio::test]
async fn the_same_statement_again_keeps_the_answer_and_a_corrected_one_does_not() {
    let world = World::new().await;
    let us = world.join(shop()).await;
    let ([operator, host], card) = (signers(), card(1_000));
    let signed = SignedStatement::issue(statement(period(0), &card), &operator);
    let issue = async |signed: &SignedStatement, key| {
        world.carrier.issue_statement(SHOP, signed, &card, key).await.unwrap();
        world.carrier.statement(SHOP, period(0)).await.unwrap().unwrap()
    };
    issue(&signed, host.public()).await;
    let disputed = signed.clone().dispute(&host, "two are missing").unwrap();
    ask(&world, &us, &answer(&disputed)).await.unwrap();
    assert_eq!(issue(&signed, host.public()).await, disputed);
    assert_eq!(issue(&signed, operator.public()).await, signed, "somebody else answers it");
    let others = SignedStatement::issue(statement(period(0), &card), &host);
    assert_eq!(issue(&others, operator.public()).await, others);
}

/// It could neither be read, nor answered, nor replaced.
#[tokio::test]
async fn a_damaged_statement_is_replaced() {
    let world = World::new().await;
    world.join(shop()).await;
    let ([operator, host], card) = (signers(), card(1_000));
    let signed = SignedStatement::issue(statement(period(0), &card), &operator);
    world.carrier.issue_statement(SHOP, &signed, &card, host.public()).await.unwrap();
    let stored = rows(&world.store, &[&shop()]).await;
    let (partition, key, _) = stored.into_iter().find(|(_, key, _)| key.space().number() == 0x86).unwrap();
    let mut batch = Batch::new(partition);
    batch.put(key, "no statement");
    let _ = world.store.commit(batch).await.unwrap();
    let world = world.restart().await;
    let damaged = world.carrier.statement(SHOP, period(0)).await;
    assert!(matches!(damaged, Err(StoreError::Damaged { .. })), "{damaged:?}");
    world.carrier.issue_statement(SHOP, &signed, &card, host.public()).await.unwrap();
    assert_eq!(world.carrier.statement(SHOP, period(0)).await.unwrap(), Some(signed));
}

/// Keeps whoever reads counters until it is opened, and counts them.
struct Gate {
    open: Semaphore,
    readers: AtomicUsize,
}

impl Gate {
    fn readers(&self) -> usize {
        self.readers.load(Ordering::Relaxed)
    }
}

async fn behind_a_gate(world: &World) -> (Arc<Carrier<BoxStore>>, Arc<Gate>) {
    let gate = Arc::new(Gate { open: Semaphore::new(0), readers: AtomicUsize::new(0) });
    let kept = Arc::clone(&gate);
    let slow = SlowStore::new(Arc::clone(&world.store)).before(move |call| {
        let (gate, is_of_counters) = (Arc::clone(&kept), matches!(call, StoreCall::Counters(_)));
        Pause::until(async move {
            if is_of_counters {
                gate.readers.fetch_add(1, Ordering::Relaxed);
                drop(gate.open.acquire().await);
            }
        })
    });
    let carrier = Carrier::open(BoxStore::new(slow), world.clock.clone(), &world.rng).await.unwrap();
    (Arc::new(carrier), gate)
}

fn everything() -> BillingRequest {
    let side = Side::new(Zone::utc(), Vec::new()).unwrap();
    BillingRequest::Compare(period(0), Comparison::new(&side).question().unwrap())
}

/// Who compared held what its neighbours wait for to connect, for as long as a large ledger takes.
#[tokio::test]
async fn while_a_business_compares_it_connects_and_what_was_made_for_who_left_is_there() {
    let world = World::new().await;
    let us = world.join(shop()).await;
    let ([operator, host], card) = (signers(), card(1_000));
    let signed = SignedStatement::issue(statement(period(0), &card), &operator);
    let (carrier, gate) = behind_a_gate(&world).await;
    carrier.issue_statement(SHOP, &signed, &card, host.public()).await.unwrap();
    let request: Bytes = everything().to_bytes().into();
    let asking = {
        let (carrier, us, request) = (Arc::clone(&carrier), us.clone(), request.clone());
        tokio::spawn(async move { carrier.billing(&us, request).await })
    };
    while gate.readers() == 0 {
        tokio::task::yield_now().await;
    }
    // In a moment, and not when the gate is opened.
    carrier.connect(&us).await.unwrap();
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    gate.open.add_permits(1);
    let told = carrier.billing(&us, request.clone()).await.unwrap();
    assert!(Answers::from_bytes(&told).is_ok());
    let readers = gate.readers();
    assert_eq!(carrier.billing(&us, request.clone()).await.unwrap(), told);
    assert_eq!(gate.readers(), readers, "it was kept");
    // What is issued anew is compared anew.
    let corrected = self::card(2_000);
    let signed = SignedStatement::issue(statement(period(0), &corrected), &operator);
    carrier.issue_statement(SHOP, &signed, &corrected, host.public()).await.unwrap();
    carrier.billing(&us, request.clone()).await.unwrap();
    assert!(gate.readers() > readers);
    // Erased, there is nothing to compare.
    carrier.erase_business(SHOP).await.unwrap();
    carrier.connect(&us).await.unwrap();
    let refused = carrier.billing(&us, request).await;
    assert!(matches!(refused, Err(TransportError::NoStatement)), "{refused:?}");
}

/// It stayed when it was issued between the last look at what there was and the end of the erasure.
#[tokio::test]
async fn none_is_issued_while_its_business_is_erased() {
    let world = World::new().await;
    world.join(shop()).await;
    let ([operator, host], card) = (signers(), card(1_000));
    let signed = SignedStatement::issue(statement(period(0), &card), &operator);
    let slow = SlowStore::new(Arc::clone(&world.store)).before(|_| Pause::turns(1));
    let carrier = Carrier::open(BoxStore::new(slow), world.clock.clone(), &world.rng).await.unwrap();
    let carrier = Arc::new(carrier);
    carrier.issue_statement(SHOP, &signed, &card, host.public()).await.unwrap();
    let erasing = {
        let carrier = Arc::clone(&carrier);
        tokio::spawn(async move { carrier.erase_business(SHOP).await })
    };
    tokio::task::yield_now().await;
    let refused = carrier.issue_statement(SHOP, &signed, &card, host.public()).await;
    assert!(matches!(refused, Err(IssueError::BeingErased)), "{refused:?}");
    erasing.await.unwrap().unwrap();
    assert_eq!(carrier.statement(SHOP, period(0)).await.unwrap(), None);
    // For the last bill.
    carrier.issue_statement(SHOP, &signed, &card, host.public()).await.unwrap();
}
