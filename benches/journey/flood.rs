//! How long one user waits while another writes as fast as it goes.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bulla_content::{Content, Text};
use bulla_store_fjall::FjallOptions;
use tokio::time::sleep;

use crate::speed::Stage;
use crate::system_under_test::{Readers, SHOP, System, text};

/// How many messages of the user who waits are timed in each phase.
const TIMED: usize = 1_000;
/// How long that user thinks between two.
const PAUSE: Duration = Duration::from_millis(5);
/// How many messages of the other are on their way to the carrier at a time.
const FLOODING: usize = 64;
/// What the other's messages are numbered from: nobody waits for one of them.
const FLOOD: usize = 1 << 40;

/// How long messages took from the device to the business.
struct Waited(Vec<Duration>);

impl Waited {
    fn at(&self, hundredth: usize) -> Duration {
        self.0[(self.0.len() * hundredth / 100).min(self.0.len() - 1)]
    }
}

impl fmt::Display for Waited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8.2?} | {:>8.2?} | {:>8.2?}", self.at(50), self.at(99), self.at(100))
    }
}

/// One user writes alone, beside another who floods the business, and when that is over.
pub(crate) async fn flood(timed: Option<usize>, out: &mut impl Write) -> io::Result<()> {
    let (timed, system) =
        (timed.unwrap_or(TIMED), System::with(2, Readers::Look, FjallOptions::default()).await);
    let (is_over, flooded) = (AtomicBool::new(false), AtomicUsize::new(0));
    let alone = wait(&system, 0..timed).await;
    let began = Instant::now();
    let beside = async {
        let beside = wait(&system, timed..2 * timed).await;
        is_over.store(true, Ordering::Relaxed);
        beside
    };
    let pours = async {
        let lanes = (0..FLOODING).map(async |_| {
            while !is_over.load(Ordering::Relaxed) {
                let place = FLOOD + flooded.fetch_add(1, Ordering::Relaxed);
                say(&system, 1, place).await;
            }
        });
        futures_util::future::join_all(lanes).await;
    };
    let (beside, _) = tokio::join!(beside, pours);
    let a_second = flooded.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    let after = wait(&system, 2 * timed..3 * timed).await;
    system.close().await;
    writeln!(out, "| a message from its device to the business | p50 | p99 | longest |")?;
    writeln!(out, "|---|---|---|---|")?;
    writeln!(out, "| nobody else writes | {alone} |")?;
    writeln!(out, "| another user writes {a_second:.0} a second | {beside} |")?;
    writeln!(out, "| the other has stopped | {after} |")
}

async fn say(system: &System, user: usize, place: usize) {
    system.devices[user].send(SHOP, &Content::text(Text::new(text(place)).unwrap())).await.unwrap();
}

/// How long each message takes from the device that has it, durable, to the business.
async fn wait(system: &System, places: std::ops::Range<usize>) -> Waited {
    let mut waited = Vec::with_capacity(places.len());
    for place in places {
        let arrived = system.receipts.arrivals.expect(Stage::Forwarded, place);
        say(system, 0, place).await;
        let began = Instant::now();
        arrived.await.unwrap();
        waited.push(began.elapsed());
        sleep(PAUSE).await;
    }
    waited.sort_unstable();
    Waited(waited)
}
