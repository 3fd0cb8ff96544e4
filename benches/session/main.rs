//! How fast the sessions are: ours, vodozemac's and the bare primitives, taking turns in one process.
//!
//! `cargo bench -p bulla-session-bench`, with `-- --quick` for a look at whether it runs at all, or
//! with `-- --only turns` to have a profiler look at that part of ours alone (see [`runner::PARTS`]).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that goes wrong should stop")]

mod bare_primitives;
mod bulla_sessions;
mod clock;
mod derivations;
mod implementation_under_test;
mod measurements;
mod report;
mod row_names;
mod runner;
mod vodozemac_sessions;
mod x25519;

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

use bulla_sessions::Ours;
use bulla_sessions::steps::Steps;
use clock::{median, timed};
use measurements::{Measurements, Who};
use runner::{Floor, PARTS, Runner, Sessions};
use vodozemac_sessions::Olm;
use x25519::Choices;
use zeroize::Zeroize;

const ROUNDS: usize = 201;
const QUICK_ROUNDS: usize = 3;
/// Rounds that warm the caches and the clock, and are forgotten.
const WARM_UP: usize = 2;

/// Keeps the allocator from giving memory back to the system after every longer message and faulting it in
/// again, which would add the same page faults to every implementation.
const MALLOC: [(&str, &str); 2] = [("MALLOC_TRIM_THRESHOLD_", "1073741824"), ("MALLOC_TOP_PAD_", "67108864")];

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if std::env::var_os(MALLOC[0].0).is_none() {
        return Err(Command::new(std::env::current_exe()?).args(arguments).envs(MALLOC).exec());
    }
    // Cargo says `--bench` when it is to be measured; as a test it only has to run.
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let rounds = if asked("--quick") || !asked("--bench") { QUICK_ROUNDS } else { ROUNDS };

    if let Some(name) = arguments.iter().skip_while(|argument| *argument != "--only").nth(1) {
        return only(name, rounds);
    }
    bare_primitives::sha::prove();
    let mut runners: [Box<dyn Runner>; 4] = [
        Box::new(Sessions::<Ours<true>>::new(Who::Ours)),
        Box::new(Sessions::<Ours<false>>::new(Who::Read)),
        Box::new(Sessions::<Olm>::new(Who::Olm)),
        Box::new(Floor::new()),
    ];
    let mut choices = Choices::new();
    let mut board = Measurements::default();
    for round in 0..WARM_UP + rounds {
        if round == WARM_UP {
            board = Measurements::default();
        }
        for (_, part) in PARTS {
            for turn in 0..runners.len() {
                let place = (turn + round) % runners.len();
                runners[place].run(part, &mut board);
            }
        }
        choices.run(round);
    }

    let out = &mut io::stdout().lock();
    writeln!(out, "Medians of {rounds} rounds, in processor time of the thread.")?;
    writeln!(
        out,
        "Ours, with the post-quantum ratchet: what a message changes is written for every message. Held: the sessions stay in\nmemory meanwhile. Read: they are read from the parts they are stored in for every message."
    )?;
    writeln!(
        out,
        "vodozemac: Olm sessions kept in memory; NO post-quantum part, no signed prekeys; keeps 40 skipped keys."
    )?;
    writeln!(out, "Floor: the bare primitives by hand; no records, framing, allocation or erasure code.\n")?;
    report::times(&board, out)?;
    writeln!(out)?;
    report::sizes(&board, out)?;
    writeln!(out)?;
    allocations(out)?;
    writeln!(out)?;
    report::steps(&Steps::measured(10 * rounds), out)?;
    writeln!(out)?;
    writeln!(out, "| deriving, µs | by hkdf and hmac | by hand |\n|---|---:|---:|")?;
    for (name, theirs, ours) in derivations::measured(rounds) {
        writeln!(out, "| {name} | {:.2} | {:.2} |", theirs.unwrap(), ours.unwrap())?;
    }
    writeln!(out)?;
    wiping(&board, rounds, out)?;
    writeln!(out)?;
    report::choices(&choices, out)
}

/// One part of ours and nothing else, for a profiler.
fn only(name: &str, rounds: usize) -> io::Result<()> {
    let (_, part) = PARTS.iter().find(|(known, _)| *known == name).ok_or(io::ErrorKind::InvalidInput)?;
    let (mut ours, mut board) = (Sessions::<Ours<false>>::new(Who::Read), Measurements::default());
    for _ in 0..rounds {
        ours.run(*part, &mut board);
    }
    report::times(&board, &mut io::stdout().lock())
}

/// What it costs to wipe a record as `zeroize` does, byte by byte, and as one run of bytes that the compiler
/// may not leave out either.
fn wiping(board: &Measurements, rounds: usize, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "| wiping, µs | byte by byte | as one run |\n|---|---:|---:|")?;
    for row in [row_names::RECORD, row_names::RECORD_STORED] {
        let size = board.median(row, Who::Ours).unwrap();
        #[expect(clippy::cast_possible_truncation, reason = "a length, a small whole number")]
        let mut bytes = vec![1_u8; size as usize];
        let [mut singly, mut at_once] = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            singly.push(timed(10, |_| std::hint::black_box(bytes.as_mut_slice()).zeroize()));
            at_once.push(timed(10, |_| {
                bytes.fill(0);
                zeroize::optimization_barrier(bytes.as_slice());
            }));
        }
        let [singly, at_once] = [singly, at_once].map(|samples| median(&samples).unwrap());
        writeln!(out, "| {row}, {size} B | {singly:.2} | {at_once:.2} |")?;
    }
    Ok(())
}

/// How often ours allocate, with and without what loading and storing takes.
fn allocations(out: &mut impl Write) -> io::Result<()> {
    use implementation_under_test::{End, ImplementationUnderTest, acquainted};
    writeln!(out, "| allocations, ours | seal | open |\n|---|---:|---:|")?;
    let mut both: Ours<false> = acquainted();
    let text = [b'x'; 1024];
    // The first of a direction is not steady: its open makes a new ratchet key.
    implementation_under_test::turn(&mut both, End::Alice, &text);
    let (seal, open) = both.allocations_of_the_step(text.len());
    writeln!(out, "| the step alone | {seal} | {open} |")?;
    let mut message = None;
    let seal = allocation_counter::measure(|| message = Some(both.seal(End::Alice, &text)));
    let message = message.unwrap();
    let open = allocation_counter::measure(|| drop(both.open(End::Bob, &message)));
    writeln!(out, "| load, step and store | {} | {} |", seal.count_total, open.count_total)
}
