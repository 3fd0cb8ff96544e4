//! What counting, rating, stating and comparing cost, beside a hash map.
//!
//! `cargo bench -p bulla-benches --bench meter`, with `-- --quick` for a look at whether it runs at all.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that goes wrong should stop")]

#[path = "../session/clock.rs"]
#[expect(dead_code, reason = "the sessions use the rest")]
mod clock;
mod month;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::hint::black_box;
use std::io::{self, Write};

use bulla_base::{BusinessAccountId, PhoneNumberId};
use bulla_meter::{
    Answers, BillingProof, Comparison, Hour, KeyHasher, LeafTree, Question, Rater, Report, Side, Statement,
    StatementParts, Usage, UsageKey, Volume,
};
use clock::{median, timed};
use month::Month;

const BUSINESSES: u64 = 1_000_000;
const LEAVES: u64 = 1_000_000;
const DIFFERENCES: usize = 10;
const QUICK: u64 = 2000;
const ROUNDS: usize = 9;

fn main() -> io::Result<()> {
    // Cargo says `--bench` when it is to be measured; as a test it only has to run.
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let is_quick = asked("--quick") || !asked("--bench");
    let (businesses, count, rounds) = if is_quick { (QUICK, QUICK, 1) } else { (BUSINESSES, LEAVES, ROUNDS) };
    let month = Month::october();
    counts(&month, businesses, rounds)?;
    rates(&month, rounds)?;
    bills(&month, count, rounds.min(5))
}

/// A keyed count beside what a hash map with the same keys and the same hash takes.
fn counts(month: &Month, businesses: u64, rounds: usize) -> io::Result<()> {
    let hour = month.period.from();
    // As messages come: businesses in no order, each once a round.
    let messages: Vec<_> = (0..businesses)
        .map(|number| {
            let id = number.wrapping_mul(611_953) % businesses;
            (id, id + 7, month.traits(id))
        })
        .collect();
    let (mut usage, mut map) = (Usage::new(), HashMap::<_, i64, BuildHasherDefault<KeyHasher>>::default());
    let mut plain = HashMap::<(u64, u64, u64), i64>::new();
    let key = |number: usize| {
        let (account, number, traits) = messages[number];
        UsageKey::new(BusinessAccountId::new(account), PhoneNumberId::new(number), hour, traits)
    };
    let parts = |number: usize| {
        let (account, number, _) = messages[number];
        (account, number, u64::from(hour.minutes()) << 32)
    };
    let mut samples = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..=rounds {
        let ours = timed(messages.len(), |number| usage.add(black_box(key(number)), 1));
        let map = timed(messages.len(), |number| *map.entry(black_box(parts(number))).or_default() += 1);
        let plain = timed(messages.len(), |number| *plain.entry(black_box(parts(number))).or_default() += 1);
        // The first round fills them.
        if round > 0 {
            samples.iter_mut().zip([ours, map, plain]).for_each(|(samples, sample)| samples.push(sample));
        }
    }
    let [ours, map, plain] = samples.map(|samples| median(&samples).unwrap() * 1000.0);
    let mut out = io::stdout().lock();
    writeln!(out, "{} businesses; ns of processor time, the middle of {rounds} rounds", usage.len())?;
    writeln!(out, "| a keyed count | {ours:.1} |")?;
    writeln!(out, "| an add to a hash map with the same hash | {map:.1} |")?;
    writeln!(out, "| an add to a hash map of the standard library | {plain:.1} |")?;
    writeln!(out, "| ratio to the first | {:.2} |\n", ours / map)
}

fn rates(month: &Month, rounds: usize) -> io::Result<()> {
    let hours = [month.period.from(), Hour::from_minutes(month.period.to().minutes() - 60)];
    let units: Vec<_> = (0..4096)
        .map(|number| {
            (
                hours[usize::from(number % 2 == 1)],
                month.traits(number),
                Volume::new(number % 400, number % 2000),
            )
        })
        .collect();
    let samples: Vec<_> = (0..rounds.max(1))
        .map(|_| {
            timed(units.len() * 100, |number| {
                let (hour, traits, volume) = units[number % units.len()];
                let rate = month.tariff.rate(black_box(hour), black_box(traits), black_box(volume), Some(7));
                black_box(rate.unwrap());
            })
        })
        .collect();
    let each = median(&samples).unwrap();
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| a rate, ns | {:.1} |\n| millions of ratings a second | {:.1} |\n",
        each * 1000.0,
        1.0 / each
    )
}

fn bills(month: &Month, count: u64, rounds: usize) -> io::Result<()> {
    let deliveries = month.deliveries(count);
    let leaves = Rater::new(&month.tariff, &month.zone).rate(&deliveries).unwrap();
    let parts = || StatementParts::new(month.account, month.period, &month.zone, &month.tariff);
    let statement = Statement::new(parts(), &leaves).unwrap();
    let bytes: Vec<u8> = leaves.iter().flat_map(|leaf| leaf.to_bytes()).collect();
    let tree = LeafTree::new(&leaves);
    let proof = tree.proof(leaves[leaves.len() / 3].tag).unwrap().unwrap().to_bytes();
    let (here, there) = (leaves.clone(), month.with_differences(&leaves, DIFFERENCES));
    let [here, there] = [here, there].map(|leaves| Side::new(month.zone.clone(), leaves).unwrap());
    let report = compare(&here, &there);
    assert_eq!(report.differences().len(), DIFFERENCES);

    let mut out = io::stdout().lock();
    writeln!(out, "{count} leaves; ms of processor time, the middle of {rounds} rounds")?;
    let mut row = |name: &str, call: &mut dyn FnMut()| {
        let samples: Vec<_> = (0..rounds).map(|_| timed(1, |_| call()) / 1000.0).collect();
        writeln!(out, "| {name} | {:.1} |", median(&samples).unwrap())
    };
    row("all rated", &mut || {
        black_box(Rater::new(&month.tariff, &month.zone).rate(&deliveries).unwrap());
    })?;
    row("a statement made of them", &mut || _ = black_box(Statement::new(parts(), &leaves).unwrap()))?;
    row("the leaves read and the statement verified", &mut || {
        let leaves: Vec<_> =
            bytes.as_chunks().0.iter().map(|leaf| bulla_meter::Leaf::from_bytes(leaf).unwrap()).collect();
        statement.verify(&leaves, &month.card, &[]).unwrap();
    })?;
    row(&format!("{DIFFERENCES} differences found, both sides"), &mut || {
        _ = black_box(compare(&here, &there))
    })?;
    let samples: Vec<_> = (0..51)
        .map(|_| {
            timed(200, |_| {
                let proof = BillingProof::from_bytes(black_box(&proof)).unwrap();
                black_box(proof.verify(&statement).unwrap());
            })
        })
        .collect();
    writeln!(out, "| a proof of {} bytes verified, µs | {:.2} |", proof.len(), median(&samples).unwrap())?;
    writeln!(out, "| bytes exchanged a difference | {} |", report.exchanged_bytes() / DIFFERENCES)
}

/// Drives a comparison, with everything as bytes.
fn compare(here: &Side, there: &Side) -> Report {
    let mut comparison = Comparison::new(here);
    while let Some(question) = comparison.question() {
        let question = Question::from_bytes(&question.to_bytes()).unwrap();
        let answers = there.answer(&question).unwrap().to_bytes();
        comparison.answer(&Answers::from_bytes(&answers).unwrap()).unwrap();
    }
    comparison.finish().unwrap()
}
