//! A statement is told to the relay of its business, answered by it alone, and compared.

use bulla_base::{Address, BusinessAccountId, PhoneNumberId, SeededRng};
use bulla_carrier::IssueError;
use bulla_meter::{
    Answer, Answers, BillingRequest, BillingSigner, Comparison, Currency, Hour, LedgerSettings, LocalDate,
    MAX_BILLING_BYTES, Period, Price, PricingCategory, PricingType, RateCard, Side, SignedStatement,
    Statement, StatementParts, TagKey, Tariff, TypeRule, Zone,
};
use bulla_transport::{Caller, Transport, TransportError};
use bytes::Bytes;

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
