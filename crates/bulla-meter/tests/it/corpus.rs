//! The corpus that fuzzing starts from, whole and changed at each place.

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use bulla_meter::{
    BillingSigner, Comparison, Currency, Entry, Event, LeafTree, LocalDate, Market, Price, PricingCategory,
    PricingType, RateCard, Side, SignedStatement, Statement, StatementParts, Step, TypeRule, UsageKey,
    WindowState, compensate,
};
use proptest::prelude::*;

use self::replay::Corpora;
use crate::bills::{ACCOUNT, Account, facts, tag};
use crate::cards::{berlin, instant};
use crate::checks::forms;

const CORPORA: Corpora = Corpora { package: env!("CARGO_MANIFEST_DIR"), max_files: 20, max_bytes: 20_000 };

#[test]
fn the_corpora_stay_small() {
    CORPORA.stay_small();
}

#[test]
fn what_is_read_back_replays() {
    let mut read = 0;
    CORPORA.replay("forms", |form| read += usize::from(forms::check(form)));
    assert_eq!(read, made().len(), "each says something");
    CORPORA.replay_changed("forms", |form| _ = forms::check(form));
    CORPORA.replay_mutated("forms", |form| _ = forms::check(form));
}

fn small_card() -> RateCard {
    let from = LocalDate::parse("2026-10-01").unwrap();
    let rule = TypeRule::new(
        from,
        PricingCategory::Utility,
        WindowState::Closed,
        bulla_meter::EntryPoint::Ordinary,
        PricingType::Regular,
    );
    let price = Price::of_message(from, PricingCategory::Utility, Market::from_code(49), 45_600).unwrap();
    RateCard::new("small", Currency::parse("EUR").unwrap(), vec![rule], vec![price], Vec::new()).unwrap()
}

/// What the corpus was made of, so that it can be made again when a form changes.
fn made() -> Vec<(&'static str, Vec<u8>)> {
    let (carrier, relay) = (BillingSigner::from_seed(&[1; 32]), BillingSigner::from_seed(&[2; 32]));
    let (mut account, mut entry) = (Account::in_month("2026-10-01"), Entry::new());
    account.deliver(0..20);
    let at = instant("2026-10-05T00:00:00Z");
    for step in [Step::Accepted, Step::Read, Step::Charged(7), Step::Charged(8)] {
        entry.apply(&Event::new(tag(1), facts(PricingCategory::Utility, 49), step, at), &berlin());
    }
    entry.apply(&Event::new(tag(1), facts(PricingCategory::Marketing, 1), Step::Sent, at), &berlin());
    let leaves = account.leaves();
    let parts = || StatementParts::new(ACCOUNT, account.period, &account.zone, &account.tariff);
    let first = Statement::new(parts(), &leaves[1..]).unwrap();
    let late = compensate((ACCOUNT, account.period), &leaves[1..2], &leaves[..2], "late", &carrier).unwrap();
    let november = Account::in_month("2026-11-01");
    let next = StatementParts::new(ACCOUNT, november.period, &november.zone, &november.tariff);
    let second = Statement::new(next.with_adjustments(late).after(&first), &[]).unwrap();
    let issued = SignedStatement::issue(second.clone(), &carrier);
    let disputed = issued.clone().dispute(&relay, "one is missing").unwrap();
    let side = Side::new(account.zone.clone(), leaves.clone()).unwrap();
    let mut comparison = Comparison::new(&side);
    let question = comparison.question().unwrap();
    let answers = side.answer(&question).unwrap();
    let few = Side::new(account.zone.clone(), leaves[..2].to_vec()).unwrap().answer(&question).unwrap();
    let key = UsageKey::new(ACCOUNT, leaves[0].number, leaves[0].hour, leaves[0].traits);
    let proof = LeafTree::new(&leaves).proof(tag(3)).unwrap().unwrap();
    let tagged = |tag: u8, form: &[u8]| [&[tag], form].concat();
    vec![
        ("forms/card", tagged(0, &small_card().to_bytes())),
        ("forms/zone", tagged(1, &berlin().to_bytes())),
        ("forms/entry", tagged(2, &entry.to_bytes())),
        ("forms/leaf", tagged(3, &leaves[0].to_bytes())),
        ("forms/statement", tagged(4, &second.to_bytes())),
        ("forms/signed_statement", tagged(5, &issued.counter_sign(&relay).to_bytes())),
        ("forms/disputed_statement", tagged(5, &disputed.to_bytes())),
        ("forms/proof", tagged(6, &proof.to_bytes())),
        ("forms/question", tagged(7, &question.to_bytes())),
        ("forms/answers", tagged(8, &answers.to_bytes())),
        ("forms/answers_with_leaves", tagged(8, &few.to_bytes())),
        ("forms/usage_key", tagged(9, &key.to_bytes())),
        ("forms/facts", tagged(10, &facts(PricingCategory::Marketing, 91).to_bytes())),
    ]
}

/// Run with `WRITE_CORPUS=1` it writes them.
#[test]
fn the_corpora_are_of_todays_forms() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus");
    for (name, form) in made() {
        if std::env::var_os("WRITE_CORPUS").is_some() {
            std::fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
            std::fs::write(folder.join(name), &form).unwrap();
        }
        assert!(std::fs::read(folder.join(name)).unwrap() == form, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(form in prop::collection::vec(any::<u8>(), 0..200), which in 0_u8..12) {
        forms::check(&[&[which][..], &form].concat());
    }
}
