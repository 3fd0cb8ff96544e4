//! Businesses that write to their users, a message every [`EVERY`] each, over TLS and with proofs.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bulla_base::Clock;
use bulla_transport::{Sequence, Transport};

use crate::clock::Machine;
use crate::parties::{business, client_config, envelope, keys, transport, user};

/// How many write, each to one who reads, and how often.
const PAIRS: u64 = 8;
const EVERY: Duration = Duration::from_millis(40);

/// How many bytes a sealed message has.
const SEALED_BYTES: usize = 400;

/// How long each message took, from when it was to be sent until it was with its reader, and what failed.
#[derive(Default)]
pub(crate) struct Latencies {
    all: Vec<Duration>,
    pub(crate) failures: usize,
}

impl Latencies {
    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// The latency of which so many thousandths take at most as long, in milliseconds.
    pub(crate) fn quantile(&self, thousandths: usize) -> f64 {
        let mut all = self.all.clone();
        all.sort();
        let place = (all.len() * thousandths / 1000).min(all.len().saturating_sub(1));
        all.get(place).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// It goes on in the background.
pub(crate) struct Traffic(Arc<Mutex<Latencies>>);

impl Traffic {
    pub(crate) async fn begin(carrier: SocketAddr) -> Self {
        let (latencies, config) = (Arc::default(), client_config());
        let began = Instant::now();
        for pair in 0..PAIRS {
            let (shop, her) = (business(1000 + pair), user(1000 + pair));
            let [ours, hers] = [(); 2].map(|()| transport(carrier, config.clone()));
            for (way, caller) in [(&ours, &shop), (&hers, &her)] {
                way.connect(caller).await.unwrap();
                way.publish(caller, keys()).await.unwrap();
            }
            tokio::spawn(read(hers, her.clone(), began, Arc::clone(&latencies)));
            tokio::spawn(write(ours, shop, her, began, Arc::clone(&latencies)));
        }
        Self(latencies)
    }

    /// What has come since this was last asked.
    pub(crate) fn take(&self) -> Latencies {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Writes when it is time, whether or not what was written before has taken longer.
async fn write(
    ours: impl Transport,
    shop: bulla_transport::Caller,
    her: bulla_transport::Caller,
    began: Instant,
    latencies: Arc<Mutex<Latencies>>,
) {
    let mut due = began.elapsed();
    loop {
        tokio::time::sleep_until((began + due).into()).await;
        let mut sealed = u64::try_from(due.as_nanos()).unwrap().to_be_bytes().to_vec();
        sealed.resize(SEALED_BYTES, 0);
        let envelope = envelope(Machine.now(), &shop, &her, sealed);
        while ours.send(&shop, envelope.clone()).await.is_err() {
            latencies.lock().unwrap().failures += 1;
            tokio::time::sleep(EVERY).await;
        }
        due += EVERY;
    }
}

async fn read(
    hers: impl Transport,
    her: bulla_transport::Caller,
    began: Instant,
    latencies: Arc<Mutex<Latencies>>,
) {
    let mut after = Sequence::START;
    loop {
        let Ok(deliveries) = hers.receive(&her, after).await else {
            latencies.lock().unwrap().failures += 1;
            tokio::time::sleep(EVERY).await;
            continue;
        };
        let now = began.elapsed();
        for delivery in &deliveries {
            let due = *delivery.envelope.sealed().first_chunk().unwrap();
            let due = Duration::from_nanos(u64::from_be_bytes(due));
            latencies.lock().unwrap().all.push(now.saturating_sub(due));
        }
        let sequences: Vec<_> = deliveries.iter().map(|delivery| delivery.sequence).collect();
        if hers.acknowledge(&her, &sequences).await.is_err() {
            latencies.lock().unwrap().failures += 1;
        }
        after = sequences.last().copied().unwrap_or(after);
    }
}
