//! What is measured, and how.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tempfile::TempDir;

use crate::clock::{quantile, spent, written};
use crate::measurements::Measurements;
use crate::submit_batch::MESSAGE_BYTES;

/// Something that keeps messages durably.
pub(crate) trait EngineUnderTest: Sized + Send + Sync + 'static {
    const NAME: &'static str;

    /// In an empty directory. `callers` is how many conversations there are at most.
    fn open(folder: &Path, callers: usize) -> Self;

    /// Returns when the message is durable. A caller asks for one at a time.
    fn accept(&self, caller: usize, number: u64, message: Bytes) -> impl Future<Output = ()> + Send;

    /// How often it synced.
    fn syncs(&self) -> u64;
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

fn message() -> Bytes {
    Bytes::from(vec![0x5a; MESSAGE_BYTES])
}

/// So many callers, each asking for the next accept when it has had the last, for a while.
pub(crate) fn closed_loop<C: EngineUnderTest>(callers: usize, window_ms: u64, board: &mut Measurements) {
    let folder = TempDir::new().unwrap();
    let engine = Arc::new(C::open(folder.path(), callers));
    let runtime = runtime();
    // Tables, and the first version of every session.
    let first = (0..callers).map(|caller| engine.accept(caller, u64::MAX, message()));
    runtime.block_on(futures_util::future::join_all(first));
    let (began, cpu, syncs) = (Instant::now(), spent(), engine.syncs());
    let end = began + Duration::from_millis(window_ms);
    let latencies: Vec<f64> = runtime.block_on(async {
        let tasks: Vec<_> = (0..callers)
            .map(|caller| {
                let engine = Arc::clone(&engine);
                tokio::spawn(async move {
                    let (message, mut latencies, mut number) = (message(), Vec::new(), 0);
                    while Instant::now() < end {
                        let asked = Instant::now();
                        engine.accept(caller, number, message.clone()).await;
                        latencies.push(asked.elapsed().as_secs_f64() * 1e3);
                        number += 1;
                    }
                    latencies
                })
            })
            .collect();
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.extend(task.await.unwrap());
        }
        latencies
    });
    let (accepts, took) = (latencies.len() as f64, began.elapsed().as_secs_f64());
    board.add(format!("accepts/s at {callers}"), C::NAME, accepts / took);
    board.add(format!("p50 ms at {callers}"), C::NAME, quantile(&latencies, 0.5));
    board.add(format!("p99 ms at {callers}"), C::NAME, quantile(&latencies, 0.99));
    board.add(format!("CPU µs an accept at {callers}, callers included"), C::NAME, (spent() - cpu) / accepts);
    board.add(format!("syncs an accept at {callers}"), C::NAME, (engine.syncs() - syncs) as f64 / accepts);
}

const GROUP: usize = 64;

/// One caller asks for 64 accepts at once, and for the next when it has had them all: groups of 64 and hardly
/// any hand-over.
pub(crate) fn in_groups<C: EngineUnderTest>(groups: u64, board: &mut Measurements) {
    let folder = TempDir::new().unwrap();
    let engine = C::open(folder.path(), GROUP);
    let message = message();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let ask = |number: u64| {
            let accepts = (0..GROUP).map(|caller| engine.accept(caller, number, message.clone()));
            futures_util::future::join_all(accepts)
        };
        // Tables, and the first version of every session.
        ask(0).await;
        let (cpu, bytes) = (spent(), written());
        for number in 1..=groups {
            ask(number).await;
        }
        let accepts = (groups * GROUP as u64) as f64;
        board.add("CPU µs an accept in groups of 64", C::NAME, (spent() - cpu) / accepts);
        let bytes = (written() - bytes) as f64;
        board.add("journal bytes an accept of 1 KiB", C::NAME, bytes / accepts);
    });
}
