//! What it costs to bound, stamp and verify, beside the bare HMACs that it takes.
//!
//! `cargo bench -p bulla-benches --bench integrity`, with `-- --quick` for a look at whether it runs at all.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that goes wrong should stop")]

#[path = "../session/clock.rs"]
#[expect(dead_code, reason = "the sessions use the rest")]
mod clock;

use std::hint::black_box;
use std::io::{self, Write};

use bulla_base::{Address, Category, MessageId, Number, PhoneNumberId, SeededRng, Timestamp};
use bulla_integrity::{
    Acceptance, Observation, Rate, RateState, Reason, Recipients, Report, ReportedMessage, StampKeys,
    Standing, commitment,
};
use clock::{median, timed};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const NOW: Timestamp = Timestamp::from_millis(1_795_262_400_000);
const USERS: usize = 100_000;
const QUICK_USERS: usize = 1_000;
const ROUNDS: usize = 51;
/// Calls that are timed together.
const CALLS: usize = 500;

fn main() -> io::Result<()> {
    // Cargo says `--bench` when it is to be measured; as a test it only has to run.
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let is_quick = asked("--quick") || !asked("--bench");
    let (users, rounds) = if is_quick { (QUICK_USERS, 3) } else { (USERS, ROUNDS) };
    let rng = SeededRng::new(1);
    let numbers: Vec<_> = (0..users).map(|user| format!("u1650{user:07}").into_bytes()).collect();
    // Half of them under the key of yesterday, so that a look takes both.
    let mut recipients = Recipients::new(NOW, &rng);
    let later = Timestamp::from_millis(NOW.as_millis() + 86_400_000 + 1_000);
    for (place, user) in numbers.iter().enumerate() {
        let at =
            if place < users / 2 { Timestamp::from_millis(later.as_millis() - 80_000_000) } else { later };
        let reservation = recipients.reserve(user, None, at, &rng).unwrap();
        assert!(recipients.commit(user, reservation, at, &rng));
    }

    let (business, user) =
        (Address::business(PhoneNumberId::new(7)), Address::user(Number::parse("16505551234").unwrap()));
    let (id, category, plaintext) = (MessageId::new(NOW, &rng), Some(Category::Utility), vec![7; 256]);
    let mut keys = StampKeys::new(NOW.day(), &rng);
    keys.advance(NOW.day()).unwrap();
    let committed = commitment(&plaintext).unwrap();
    let accepted = Acceptance::new(id, business.clone(), user.clone(), 1, category, committed);
    let stamp = keys.stamp(&accepted, NOW).unwrap();
    let message = ReportedMessage::new(id, business, 1, category, stamp, plaintext.into()).unwrap();
    let report = Report::new(Reason::Spam, vec![message]).unwrap();
    let form = report.to_bytes();
    let mut standing = Standing::new(NOW);

    let mut out = io::stdout().lock();
    writeln!(out, "{users} users; µs of processor time, the middle of {rounds} samples\n")?;
    let mut row = |name: &str, call: &mut dyn FnMut(usize)| {
        let mut number = 0;
        let samples: Vec<_> = (0..rounds)
            .map(|_| {
                timed(CALLS, |_| {
                    number += 1;
                    call(number);
                })
            })
            .collect();
        writeln!(out, "| {name} | {:.3} |", median(&samples).unwrap())
    };
    let bare = Hmac::<Sha256>::new(&[7; 64].into());
    row("HMAC-SHA-256 of 12 bytes", &mut |place| {
        let mac = bare.clone().chain_update(&numbers[place % users]);
        let _ = black_box(mac.finalize());
    })?;
    row("the limit asked about any user, two HMACs at most", &mut |place| {
        let user = &numbers[(place * 7_919) % users];
        let _ = black_box(recipients.contains(user, later, &rng));
    })?;
    row("one of a hundred users reserved and written to again", &mut |place| {
        let user = &numbers[place % 100];
        let reservation = recipients.reserve(user, None, later, &rng).unwrap();
        assert!(recipients.commit(user, reservation, later, &rng));
    })?;
    // What a campaign asks of each user for the first time: whether their window is open, and whether they
    // fit.
    for (name, at) in [("on the day of its key", NOW), ("on the day after others", later)] {
        let (mut wrote, mut reached) = (Recipients::new(NOW, &rng), Recipients::new(NOW, &rng));
        for user in ["one", "another"] {
            for people in [&mut wrote, &mut reached] {
                let before = Timestamp::from_millis(at.as_millis() - 3_600_000);
                let reservation = people.reserve(user.as_bytes(), None, before, &rng).unwrap();
                assert!(people.commit(user.as_bytes(), reservation, before, &rng));
            }
        }
        row(&format!("a user written to first, {name}"), &mut |place| {
            let user = &numbers[place % users];
            if !wrote.contains(user, at, &rng) {
                let reservation = reached.reserve(user, None, at, &rng).unwrap();
                let _ = black_box(reservation.counted_user());
                assert!(reached.commit(user, reservation, at, &rng));
            }
        })?;
    }
    let mut state = RateState::default();
    row("a rate asked", &mut |place| {
        let now = Timestamp::from_millis(NOW.as_millis() + place as u64 * 13);
        state = black_box(Rate::NUMBER.take(state, now)).unwrap_or(state);
    })?;
    row("a stamp", &mut |_| _ = black_box(keys.stamp(black_box(&accepted), NOW)))?;
    row("a commitment to 256 bytes", &mut |_| _ = black_box(commitment(report.messages()[0].plaintext())))?;
    row("a report of one message read", &mut |_| _ = black_box(Report::from_bytes(&form)).unwrap())?;
    row("a report of one message of 256 bytes verified", &mut |_| report.verify(&user, &keys).unwrap())?;
    row("a business admitted, and its message noted", &mut |place| {
        let now = Timestamp::from_millis(NOW.as_millis() + place as u64 * 400_000);
        let _ = black_box(standing.admit(true, now));
        let sent = Observation::Sent { to_new_user: true, is_template: true, neighbourhood: place as u64 };
        let _ = black_box(standing.note(sent, now));
    })?;
    writeln!(
        out,
        "\nbytes: {} a business, {} more when it is active, {:.1} a user that counts",
        size_of::<Standing>(),
        standing.memory(),
        recipients.memory() as f64 / users as f64
    )
}
