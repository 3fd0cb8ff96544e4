//! Statements: what both sides compute, sign and can prove of it.

use bulla_meter::{
    AdjustmentReason, Amount, Answer, BillingProof, BillingSigner, Direction, Event, Leaf, LeafTree,
    MAX_REASON_BYTES, PricingCategory, Purpose, Rater, SignedStatement, Statement, StatementFault,
    StatementParts, Step, compensate,
};

use crate::bills::{ACCOUNT, Account, facts, tag};
use crate::cards::{date, instant};

fn signer(byte: u8) -> BillingSigner {
    BillingSigner::from_seed(&[byte; 32])
}

fn statement(account: &Account, leaves: &[Leaf]) -> Statement {
    let parts = StatementParts::new(ACCOUNT, account.period, &account.zone, &account.tariff);
    Statement::new(parts, leaves).unwrap()
}

fn october() -> Account {
    let mut account = Account::in_month("2026-10-01");
    account.deliver(0..2000);
    account
}

#[test]
fn both_sides_make_the_same_bytes_of_the_same_messages() {
    let (one, mut other) = (october(), Account::in_month("2026-10-01"));
    other.deliver((0..2000).rev());
    let (ours, theirs) = (statement(&one, &one.leaves()), statement(&other, &other.leaves()));
    assert_eq!(ours.to_bytes(), theirs.to_bytes());
    assert_eq!(Statement::from_bytes(&ours.to_bytes()), Ok(ours.clone()));
    assert_eq!(ours.verify(&other.leaves(), &other.card, &[]), Ok(()));
    assert_eq!(ours.rows().iter().map(|row| row.units).sum::<u64>(), 2000);
    let by_leaf: Amount = one.leaves().iter().map(Leaf::amount).sum();
    assert_eq!(ours.total(), by_leaf);
}

#[test]
fn a_statement_that_does_not_follow_from_its_leaves_is_found_out() {
    let account = october();
    let leaves = account.leaves();
    let good = statement(&account, &leaves);
    let verify = |leaves: &[Leaf]| good.verify(leaves, &account.card, &[]);
    assert_eq!(verify(&leaves[1..]), Err(StatementFault::OtherLeaves));
    let mut swapped = leaves.clone();
    swapped.swap(0, 1);
    assert_eq!(verify(&swapped), Err(StatementFault::OtherLeaves));
    let other = bulla_meter::RateCard::new("other", account.card.currency(), vec![], vec![], vec![]).unwrap();
    assert_eq!(good.verify(&leaves, &other, &[]), Err(StatementFault::OtherCard));
    assert_eq!(good.verify_leaves(&leaves), Ok(()));
    assert_eq!(good.verify_leaves(&swapped), Err(StatementFault::OtherLeaves));
    // Who bills more than the card says can sum it up as they like.
    let mut dearer = leaves.clone();
    let place = dearer.iter().position(|leaf| leaf.micros > 0).unwrap();
    dearer[place].micros += 1;
    let wrong = statement(&account, &dearer);
    let (tag, billed, rated) = (leaves[place].tag, dearer[place].micros, leaves[place].micros);
    assert_eq!(wrong.verify_leaves(&dearer), Ok(()), "its own, whatever they cost");
    let fault = wrong.verify(&dearer, &account.card, &[]);
    assert_eq!(fault, Err(StatementFault::OtherRate { tag, billed, rated }));
}

#[test]
fn no_message_is_billed_twice_in_a_statement() {
    let account = october();
    let mut leaves = account.leaves();
    leaves.insert(1, leaves[0]);
    let parts = StatementParts::new(ACCOUNT, account.period, &account.zone, &account.tariff);
    assert!(Statement::new(parts, &leaves).is_err());
}

#[test]
fn the_other_side_counter_signs_or_disputes() {
    let account = october();
    let (carrier, relay) = (signer(1), signer(2));
    let issued = SignedStatement::issue(statement(&account, &account.leaves()), &carrier);
    let agreed = issued.clone().counter_sign(&relay);
    let disputed = issued.clone().dispute(&relay, "12 messages are missing").unwrap();
    for signed in [&issued, &agreed, &disputed] {
        assert!(signed.verify(carrier.public(), relay.public()));
        assert_eq!(SignedStatement::from_bytes(&signed.to_bytes()).as_ref(), Ok(signed));
    }
    assert!(!agreed.verify(carrier.public(), carrier.public()));
    assert!(!agreed.verify(relay.public(), relay.public()));
    let Some(Answer::Disputed { reason, .. }) = disputed.answer() else { panic!("it is disputed") };
    assert_eq!(&**reason, "12 messages are missing");
    // The reason is signed as well.
    let mut bytes = disputed.to_bytes();
    let place = bytes.windows(2).position(|pair| pair == b"12").unwrap();
    bytes[place] = b'2';
    let changed = SignedStatement::from_bytes(&bytes).unwrap();
    assert!(!changed.verify(carrier.public(), relay.public()));
    let reason = |length| issued.clone().dispute(&relay, &"a".repeat(length)).is_ok();
    assert!(reason(MAX_REASON_BYTES) && !reason(MAX_REASON_BYTES + 1) && !reason(0));
}

#[test]
fn a_signature_for_one_thing_is_good_for_no_other() {
    let (signer, bytes) = (signer(3), b"the same bytes");
    let signature = signer.sign(Purpose::Statement, bytes);
    let key = signer.public();
    assert!(key.has_signed(Purpose::Statement, bytes, &signature));
    for other in [Purpose::Card, Purpose::CounterSignature, Purpose::Dispute, Purpose::Adjustment] {
        assert!(!key.has_signed(other, bytes, &signature));
    }
    assert!(!format!("{signer:?}").contains("secret"));
}

#[test]
fn a_proof_shows_one_message_and_its_rate() {
    let account = october();
    let leaves = account.leaves();
    let (good, tree) = (statement(&account, &leaves), LeafTree::new(&leaves));
    assert_eq!(tree.head().as_ref(), Ok(good.leaves()));
    for number in [0, 1, 1000, 1999] {
        let proof = tree.proof(tag(number)).unwrap().unwrap();
        let bytes = proof.to_bytes();
        let read = BillingProof::from_bytes(&bytes).unwrap();
        assert_eq!(read.verify(&good).unwrap().tag, tag(number));
        assert!(bytes.len() <= 1024);
        let mut changed = bytes;
        changed[45] ^= 1;
        assert!(BillingProof::from_bytes(&changed).unwrap().verify(&good).is_err(), "at another price");
    }
    assert_eq!(tree.proof(tag(2000)), Ok(None));
}

/// What is known late is charged in the next statement, with what it moved to another tier; the past one
/// stays.
#[test]
fn what_comes_late_is_put_right_by_the_next_statement() {
    let mut account = Account::in_month("2026-09-01");
    account.deliver(0..2000);
    let billed = account.leaves();
    let first = statement(&account, &billed);
    let bytes = first.to_bytes();
    account.deliver(2000..2040);
    let signer = signer(1);
    let should_be = account.leaves();
    let adjustments =
        compensate((ACCOUNT, account.period), &billed, &should_be, "known after the close", &signer).unwrap();
    let late = adjustments.iter().filter(|it| it.reason() == AdjustmentReason::Late).count();
    let moved = adjustments.iter().filter(|it| it.reason() == AdjustmentReason::MovedTier).count();
    assert_eq!(late, 40);
    assert!(moved > 0 && moved % 2 == 0, "others have moved to another tier, {moved}");
    assert!(adjustments.iter().any(|it| it.direction() == Direction::Credit));

    let october = Account::in_month("2026-10-01");
    let parts = StatementParts::new(ACCOUNT, october.period, &october.zone, &october.tariff);
    let second = Statement::new(parts.with_adjustments(adjustments).after(&first), &[]).unwrap();
    assert_eq!(second.previous(), Some(&first.hash()));
    assert_eq!(second.verify(&[], &october.card, &[]), Ok(()));
    let should_be: Amount = should_be.iter().map(Leaf::amount).sum();
    assert_eq!(first.total() + second.total(), should_be, "both together are as if nothing had been late");
    assert_eq!(first.to_bytes(), bytes);
    assert_eq!(Statement::from_bytes(&second.to_bytes()), Ok(second));
}

#[test]
fn a_month_that_is_stated_in_two_parts_has_the_tiers_of_one() {
    let account = october();
    let middle = account.zone.midnight(date("2026-10-16"));
    let parts = [
        bulla_meter::Period::new(account.period.from(), middle).unwrap(),
        bulla_meter::Period::new(middle, account.period.to()).unwrap(),
    ];
    let mut rater = Rater::new(&account.tariff, &account.zone);
    let halves = parts.map(|part| rater.rate(&account.ledger.deliveries(part)).unwrap());
    let whole: Amount = account.leaves().iter().map(Leaf::amount).sum();
    assert_eq!(halves.iter().flatten().map(Leaf::amount).sum::<Amount>(), whole);
    let parts = StatementParts::new(ACCOUNT, parts[1], &account.zone, &account.tariff);
    let second = Statement::new(parts, &halves[1]).unwrap();
    assert_eq!(second.verify(&halves[1], &account.card, &halves[0]), Ok(()));
}

#[test]
fn every_cut_or_changed_statement_is_refused_or_another_one() {
    let mut account = Account::in_month("2026-10-01");
    let at = instant("2026-10-05T00:00:00Z");
    account.ledger.apply(&Event::new(tag(1), facts(PricingCategory::Utility, 49), Step::Read, at));
    let good = statement(&account, &account.leaves());
    let bytes = good.to_bytes();
    for place in 0..bytes.len() {
        assert!(Statement::from_bytes(&bytes[..place]).is_err());
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        if let Ok(read) = Statement::from_bytes(&changed) {
            assert_eq!(read.to_bytes(), changed);
        }
    }
}
