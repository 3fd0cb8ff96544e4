//! What a message of a business costs on its way to the user and back, whatever came before it.
//!
//! `cargo bench -p bulla-benches --bench journey`, with `-- --quick` for a look at whether it runs at all,
//! `-- --speed` for how fast each part of the way is, `-- --growth` for what a message costs after others,
//! `-- --users 1000` (or 1) for so many users alone, `-- --flood` for how long one user waits while another
//! writes as fast as it goes, and `-- --soak 30` for so many minutes at a thousand messages a second, after
//! which nothing may have grown.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a measurement that goes wrong should stop, is made with a clock, and says how far it is"
)]

#[path = "../businesses/clock.rs"]
mod clock;
mod flood;
mod load;
mod report;
mod soak;
mod speed;
mod system_under_test;

use std::io::{self, Write};

use load::{Window, backlog, delivered};
use report::Report;
use speed::LowerBounds;

/// That of the platform takes a fifth of what a message costs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
use system_under_test::System;
use tokio::runtime::{Builder, Runtime};

/// How much is measured.
#[derive(Clone, Copy)]
struct Extent {
    /// A cost is measured when so many messages were delivered, or wait.
    marks: [usize; 3],
    /// Over so many messages.
    window: usize,
    /// How many messages are on their way at a time.
    in_flight: usize,
    /// How many messages a speed is measured over.
    speed: usize,
}

const FULL: Extent = Extent { marks: [1_000, 10_000, 100_000], window: 5_000, in_flight: 256, speed: 10_000 };
const QUICK: Extent = Extent { marks: [50, 100, 200], window: 50, in_flight: 16, speed: 100 };

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo says `--bench` when it is to be measured; as a test it only has to run.
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let extent = if asked("--quick") || !asked("--bench") { QUICK } else { FULL };
    let value_of = |flag: &str| arguments.iter().skip_while(|argument| *argument != flag).nth(1);
    let users = value_of("--users").and_then(|users| users.parse().ok());
    let out = &mut io::stdout().lock();
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    if asked("--flood") {
        let timed = (!asked("--bench")).then_some(extent.window);
        return runtime.block_on(flood::flood(timed, out));
    }
    if asked("--soak") {
        let minutes = value_of("--soak").and_then(|minutes| minutes.parse().ok()).unwrap_or(3.0);
        return runtime.block_on(soak::soak(minutes, out));
    }
    let mut report = Report::default();
    let crowd = users.unwrap_or(1_000).min(extent.marks[0]);
    if !asked("--growth") {
        let lower_bounds = runtime.block_on(LowerBounds::measured(extent));
        for users in if users.is_some() { vec![crowd] } else { vec![crowd, 10, 1] } {
            report.speeds.extend(runtime.block_on(speed::measured(users, extent, &lower_bounds)));
        }
        report.lower_bounds = Some(lower_bounds);
    }
    if !asked("--speed") {
        grow(&runtime, extent, crowd, users.is_some(), &mut report);
    }
    report.write(out)?;
    writeln!(out)
}

/// What a message costs, whatever came before it.
fn grow(runtime: &Runtime, extent: Extent, crowd: usize, alone: bool, report: &mut Report) {
    for users in if alone { vec![crowd] } else { vec![1, crowd] } {
        let progress = |window: &Window| eprintln!("{users} users: {window}");
        let windows = runtime.block_on(async {
            let system = System::new(users).await;
            let windows = delivered(&system, extent, progress).await;
            system.close().await;
            windows
        });
        report.add(&format!("delivered before, {users} users"), &windows);
    }
    let progress = |window: &Window| eprintln!("backlog: {window}");
    let windows = runtime.block_on(async {
        let system = System::new(crowd).await;
        let windows = backlog(&system, extent, progress).await;
        system.close().await;
        windows
    });
    report.add(&format!("waiting, {crowd} users"), &windows);
}
