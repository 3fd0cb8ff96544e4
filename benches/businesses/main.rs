//! What a relay's businesses cost it at its start, and while nobody talks to them.
//!
//! `cargo bench -p bulla-benches --bench businesses`, with `-- --quick` for a look at whether it runs at all.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a measurement that goes wrong should stop, and is made with a clock"
)]

mod clock;
mod relay_and_carrier;
mod report;

use std::io;
use std::time::{Duration, Instant};

use relay_and_carrier::{Closed, Open};
use tokio::runtime::Builder;

/// How many businesses there are, and how often they are opened again.
#[derive(Clone, Copy)]
struct Extent {
    businesses: u64,
    openings: usize,
}

const FULL: Extent = Extent { businesses: 10_000, openings: 3 };
const QUICK: Extent = Extent { businesses: 200, openings: 1 };

/// After so long everything that was begun at the opening waits for something.
const IDLE: Duration = Duration::from_secs(2);

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo says `--bench` when it is to be measured; as a test it only has to run.
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let extent = if asked("--quick") || !asked("--bench") { QUICK } else { FULL };

    let closed = Closed::new(extent.businesses);
    let several = Builder::new_multi_thread().enable_time().build().unwrap();
    let first = several.block_on(timed(&closed));
    let again: Vec<Start> = (0..extent.openings).map(|_| several.block_on(timed(&closed))).collect();
    let bytes = bytes_of_an_idle_business(&closed, extent.businesses);
    report::write(extent.businesses, &first, &again, bytes, &mut io::stdout().lock())
}

/// What a start took.
struct Start {
    /// Seconds from nothing (engines, vaults, carrier) until the relay served every business.
    seconds: f64,
    /// Seconds of these until its store was open.
    store: f64,
    /// Seconds of processor time meanwhile: what does not depend on who else uses the machine.
    spent: f64,
}

/// Starts the relay, and closes it again when it serves every business.
async fn timed(closed: &Closed) -> Start {
    let (began, spent) = (Instant::now(), clock::spent());
    let stores = closed.stores().await;
    let store = began.elapsed().as_secs_f64();
    let open = closed.open(stores).await;
    open.serves_all().await;
    let (seconds, spent) = (began.elapsed().as_secs_f64(), clock::spent() - spent);
    open.relay.close().await;
    open.rest.close().await;
    Start { seconds, store, spent }
}

/// What a relay gives back for each of its businesses when it is closed and dropped, after all of them have
/// waited: tasks, keys, and what waits at the carrier. What the engines and the carrier keep for themselves,
/// such as blocks that were read, is not of it, and is bounded.
///
/// Counted is what one thread allocates and frees, and all of the relay runs in it.
fn bytes_of_an_idle_business(closed: &Closed, businesses: u64) -> f64 {
    let one = Builder::new_current_thread().enable_time().build().unwrap();
    let Open { relay, rest } = one.block_on(async {
        let open = closed.open(closed.stores().await).await;
        tokio::time::sleep(IDLE).await;
        open
    });
    let freed = allocation_counter::measure(|| {
        one.block_on(relay.close());
        drop(relay);
    });
    one.block_on(rest.close());
    -freed.bytes_current as f64 / businesses as f64
}
