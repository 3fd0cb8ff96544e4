//! Envelopes through the carrier over TLS, beside what carries the same bytes.
//!
//! `cargo bench -p bulla-benches --bench carrier`, with `-- --quick` for a look at whether it runs at all,
//! `-- --speed`, `-- --growth`, `-- --latency` or `-- --idle` for one of its four parts.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a measurement that goes wrong should stop, is made with a clock, and says how far it is"
)]

mod bare_stream;
mod carried;
#[path = "../businesses/clock.rs"]
mod clock;
mod growth;
mod idle;
mod latency;
mod load;
mod nats;
mod parties;
mod report;
mod served_carrier;
mod tls_client;

use std::io::{self, Write};

use bare_stream::BareStream;
use carried::Carried;
use load::{Load, Run};
use nats::Nats;
use report::Report;
use served_carrier::ServedCarrier;
use tokio::runtime::Builder;

/// That of the platform takes a fifth of what a message costs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How much is measured.
struct Extent {
    /// The traffic whose speed is measured, so many times.
    load: Load,
    rounds: usize,
    /// What NATS is given of it, in time that one has.
    of_nats: usize,
    /// A cost is measured when so many messages were delivered.
    marks: &'static [usize],
    /// How often a message alone is timed.
    times: usize,
    /// So many devices are idle.
    devices: usize,
}

const FULL: Extent = Extent {
    load: Load { pairs: 100, in_flight: 16, messages: 100_000 },
    rounds: 3,
    of_nats: 4_000,
    marks: &[10_000, 100_000, 1_000_000],
    times: 500,
    devices: 10_000,
};
const QUICK: Extent = Extent {
    load: Load { pairs: 4, in_flight: 4, messages: 400 },
    rounds: 1,
    of_nats: 400,
    marks: &[400, 1_000],
    times: 20,
    devices: 20,
};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo says `--bench` when it is to be measured; as a test it only has to run.
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let out = &mut io::stdout().lock();
    match arguments.first().map(String::as_str) {
        Some(idle::DEVICES) => {
            runtime.block_on(idle::devices(&arguments[1..]));
            return Ok(());
        }
        Some(idle::CARRIER) => {
            let each = runtime.block_on(idle::carrier(arguments[1].parse().unwrap()));
            return writeln!(out, "{each}");
        }
        _ => {}
    }
    let extent = if asked("--quick") || !asked("--bench") { QUICK } else { FULL };
    let all = !["--speed", "--growth", "--latency", "--idle"].into_iter().any(asked);
    let mut report = Report::default();
    if all || asked("--speed") {
        report.speeds = Some(runtime.block_on(speeds(&extent))?);
    }
    if all || asked("--growth") {
        let progress = |window: &growth::Window| eprintln!("after {} {:?}", window.before, window.run);
        let window = Load { messages: extent.load.messages.min(50_000), ..extent.load };
        report.windows = runtime.block_on(growth::measured(extent.marks, window, progress));
    }
    if all || asked("--latency") {
        report.latencies = Some(runtime.block_on(latency::measured(extent.times)));
    }
    if all || asked("--idle") {
        report.idle = Some((extent.devices, idle::measured(extent.devices)?));
    }
    report.write(out)
}

/// How fast the three are, in turns.
async fn speeds(extent: &Extent) -> io::Result<[Vec<Run>; 3]> {
    let mut speeds = [(); 3].map(|()| Vec::new());
    let [ours, bare, peers] = &mut speeds;
    for round in 1..=extent.rounds {
        let folder = tempfile::tempdir()?;
        let served = ServedCarrier::start(folder.path()).await;
        let mut carried = Carried::start(&served, extent.load.pairs).await;
        // Streams are open, and the day has begun.
        carried.run(Load { messages: extent.load.messages / 10, ..extent.load }).await;
        ours.push(carried.run(extent.load).await);
        drop(carried);
        served.close().await;
        let stream = BareStream::start().await;
        bare.push(stream.run(extent.load).await);
        stream.close();
        peers.push(Nats::start()?.run(Load { messages: extent.of_nats, ..extent.load }).await);
        eprintln!("{round} of {}: {:?} {:?} {:?}", extent.rounds, ours.last(), bare.last(), peers.last());
    }
    Ok(speeds)
}
