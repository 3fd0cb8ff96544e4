//! What the Graph API costs: a text, a file, a template, beside the same server that does nothing of it.
//!
//! `cargo bench -p bulla-benches --bench graph`, with `-- --quick` for a look at whether it runs at all.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a measurement that goes wrong should stop, is made with a clock, and says how far it is"
)]

#[path = "../businesses/clock.rs"]
mod clock;
mod crowd;
mod files;
mod secured;
mod speed;
#[path = "../journey/system_under_test.rs"]
#[expect(dead_code, reason = "the way to the device and back uses the rest")]
mod system_under_test;
mod texts;
#[path = "../carrier/tls_client.rs"]
mod tls_client;

use std::io::{self, Write};

use tokio::runtime::Builder;

/// That of the platform takes a fifth of what a message costs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How much is measured.
#[derive(Clone, Copy)]
struct Extent {
    /// Requests with a text, and how many are on their way at a time.
    texts: usize,
    in_flight: usize,
    /// The bytes of a file, and how often it goes each way.
    file: usize,
    files: usize,
    /// Templates, and tokens, that are there beside the one that is used.
    crowd: usize,
    /// How often a template is filled.
    fillings: usize,
}

const FULL: Extent =
    Extent { texts: 20_000, in_flight: 64, file: 32 << 20, files: 16, crowd: 9_999, fillings: 20_000 };
const QUICK: Extent = Extent { texts: 100, in_flight: 8, file: 1 << 20, files: 1, crowd: 20, fillings: 10 };

fn main() -> io::Result<()> {
    // Cargo says `--bench` when it is to be measured; as a test it only has to run.
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let extent = if asked("--quick") || !asked("--bench") { QUICK } else { FULL };
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    told(&runtime.block_on(texts::measured(extent)))?;
    told(&runtime.block_on(files::measured(extent)))?;
    told(&runtime.block_on(crowd::measured(extent)))
}

/// Each part as soon as it is measured: what comes after may go wrong.
fn told(rows: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    rows.iter().try_for_each(|row| writeln!(out, "{row}"))
}
