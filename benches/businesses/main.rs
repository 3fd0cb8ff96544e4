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
mod house;
mod report;

use std::io;
use std::time::{Duration, Instant};

use house::{House, Open};
use tokio::runtime::{Builder, Runtime};

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

    let house = House::new(extent.businesses);
    let several = Builder::new_multi_thread().enable_time().build().unwrap();
    let first = several.block_on(timed(&house));
    let again: Vec<f64> = (0..extent.openings).map(|_| several.block_on(timed(&house))).collect();
    let bytes = bytes_of_an_idle_business(&house, extent.businesses);
    report::write(extent.businesses, first, &again, bytes, &mut io::stdout().lock())
}

/// Seconds from nothing (engines, vaults, carrier) until the relay serves every business, which is then closed again.
async fn timed(house: &House) -> f64 {
    let began = Instant::now();
    let open = house.open().await;
    open.serves_all().await;
    let seconds = began.elapsed().as_secs_f64();
    open.close().await;
    seconds
}

/// What is allocated for a business the relay has had before, when all wait.
///
/// Counted is what one thread allocates and has not given back, and everything runs in it but the engines' writers: what these take from
/// it and free counts as kept, so the true figure is lower.
fn bytes_of_an_idle_business(house: &House, businesses: u64) -> f64 {
    let one: Runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let mut open = None::<Open>;
    let rooms = one.block_on(house.rooms());
    let allocated = allocation_counter::measure(|| {
        open = Some(one.block_on(async {
            let open = house.move_in(rooms).await;
            tokio::time::sleep(IDLE).await;
            open
        }));
    });
    one.block_on(open.unwrap().close());
    allocated.bytes_current as f64 / businesses as f64
}
