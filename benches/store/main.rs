//! How fast the embedded engine is: ours, raw fjall and a raw log, taking turns in one process.
//!
//! `cargo bench -p bulla-benches --bench store`, with `-- --quick` for a look at whether it runs at all, with
//! `-- --accepts` for accepts and nothing else, or with `-- --only ours` (or `raw`, `unsealed`) to have a
//! profiler look at one engine's accepts alone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a measurement that goes wrong should stop, and is made with a clock"
)]

mod bulla_engine;
mod clock;
mod drop_day;
mod engine_under_test;
mod group_commit;
mod measurements;
mod raw_fjall;
mod raw_log;
mod reopen;
mod report;
mod submit_batch;

use std::io::{self, Write};

use bulla_engine::{Ours, Unsealed};
use engine_under_test::{EngineUnderTest, closed_loop, in_groups};
use measurements::Measurements;
use raw_fjall::RawFjall;
use raw_log::RawLog;
use report::Report;

/// How much is measured.
#[derive(Clone, Copy)]
struct Extent {
    rounds: usize,
    window_ms: u64,
    groups: u64,
    day: u32,
    days: usize,
    records: u64,
}

const FULL: Extent =
    Extent { rounds: 9, window_ms: 600, groups: 150, day: 100_000, days: 3, records: 5_000_000 };
const QUICK: Extent = Extent { rounds: 1, window_ms: 100, groups: 10, day: 2_000, days: 1, records: 50_000 };

/// How many accepts are under way at a time.
const IN_FLIGHT: [usize; 2] = [64, 256];

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(folder) = std::env::var_os(reopen::FOLDER) {
        return reopen::load_until_killed(folder.as_ref());
    }
    // Cargo says `--bench` when it is to be measured; as a test it only has to run.
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let extent = if asked("--quick") || !asked("--bench") { QUICK } else { FULL };
    let mut board = Measurements::default();
    if asked("--only") {
        let only = match arguments.last().map(String::as_str) {
            Some("raw") => round::<RawFjall>,
            Some("unsealed") => round::<Unsealed>,
            _ => round::<Ours>,
        };
        (0..extent.rounds).for_each(|_| only(extent, &mut board));
        return report::accepts(&board, &mut io::stdout().lock());
    }

    for turn in 0..=extent.rounds {
        // The first warms up what can be warmed, and is forgotten.
        if turn == 1 {
            board = Measurements::default();
        }
        let engines = [round::<RawLog>, round::<RawFjall>, round::<Ours>, round::<Unsealed>];
        for place in 0..engines.len() {
            engines[(place + turn) % engines.len()](extent, &mut board);
        }
    }
    if asked("--accepts") {
        let out = &mut io::stdout().lock();
        report::accepts(&board, out)?;
        writeln!(out)?;
        return Report::of_accepts(&board).write(out);
    }
    for _ in 0..extent.days {
        drop_day::run(extent.day, &mut board);
    }
    reopen::run(extent.records, &mut board);

    let out = &mut io::stdout().lock();
    writeln!(
        out,
        "Medians of {} rounds of {} ms. An accept of ours: {}",
        extent.rounds,
        extent.window_ms,
        submit_batch::WHAT
    )?;
    writeln!(
        out,
        "Raw fjall: message, id and expiry, one batch and one sync a group, nothing looked up. Raw log: one frame an accept.\n"
    )?;
    report::accepts(&board, out)?;
    writeln!(out)?;
    Report::of(&board, extent.day, extent.records).write(out)
}

/// All that is measured of one engine in one round, each on a fresh directory.
fn round<C: EngineUnderTest>(extent: Extent, board: &mut Measurements) {
    for in_flight in IN_FLIGHT {
        closed_loop::<C>(in_flight, extent.window_ms, board);
    }
    in_groups::<C>(extent.groups, board);
}
