//! The same load for a long time: memory, files and cost stay what they were.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bulla_store_fjall::FjallOptions;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::spent;
use crate::system_under_test::{Readers, System};

const USERS: usize = 1_000;
/// Messages a second, each with all its statuses.
const RATE: usize = 1_000;
const TICKS: usize = 100;
/// No more are on their way: a machine that cannot keep up goes on as fast as it can.
const MOST_WAITING: usize = 2_000;
const SAMPLES: usize = 18;

/// The last third is to come to at most so many times the first, which begins when a sixth is over.
const MOST_MEMORY: f64 = 1.25;
const MOST_FILES: f64 = 1.5;
/// What is under way when a sample ends has written rows and is not counted as a message.
const MOST_ROWS: f64 = 1.5;
/// Whoever else uses the machine makes every message dearer: only what grows without end fails by this.
const MOST_COST: f64 = 2.0;

/// What some seconds came to.
#[derive(Debug, Clone, Copy)]
struct Sample {
    a_second: f64,
    /// Microseconds of processor time a message.
    cpu: f64,
    /// Rows written for a message, in all three stores.
    rows: f64,
    memory_mib: f64,
    open_files: f64,
    disk_mib: f64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { a_second, cpu, rows, memory_mib, open_files, disk_mib } = self;
        write!(f, "{a_second:.0} a second, {cpu:.0} µs of processor time and {rows:.1} rows each, ")?;
        write!(f, "{memory_mib:.0} MiB of memory, {open_files:.0} open files, {disk_mib:.0} MiB on the disk")
    }
}

/// Runs for so many minutes, tells how it goes, and fails if something has grown.
pub(crate) async fn soak(minutes: f64, out: &mut impl Write) -> io::Result<()> {
    // Little, so that all of it is in use before the first is measured. The write buffers are as they are by
    // default: smaller ones are merged so much more often that nothing else would be measured.
    let options = FjallOptions::default().cache_bytes(4 << 20);
    let system = Arc::new(System::with(USERS, Readers::Read, options).await);
    let each = Duration::from_secs_f64(minutes * 60.0 / SAMPLES as f64);
    let (mut samples, mut written) = (Vec::new(), 0);
    for number in 1..=SAMPLES {
        let sample = sample(&system, &mut written, each).await;
        eprintln!("soak {number}/{SAMPLES}: {sample}");
        samples.push(sample);
    }
    system.receipts.until(&system.receipts.read, written).await;
    writeln!(out, "soak: {written} messages in {minutes} minutes, each sent, delivered and read")?;
    let (first, last) = (mean(&samples[SAMPLES / 6..SAMPLES / 2]), mean(&samples[SAMPLES * 2 / 3..]));
    writeln!(out, "first: {first}\nlast:  {last}")?;
    let ratios = [
        ("memory", last.memory_mib / first.memory_mib, MOST_MEMORY),
        ("open files", last.open_files / first.open_files, MOST_FILES),
        ("rows", last.rows / first.rows, MOST_ROWS),
        ("cost", last.cpu / first.cpu, MOST_COST),
    ];
    let mut grown = Vec::new();
    for (what, ratio, most) in ratios {
        writeln!(out, "{what}: {ratio:.2} times the first, at most {most}")?;
        if ratio > most {
            grown.push(what);
        }
    }
    Arc::into_inner(system).unwrap().close().await;
    if grown.is_empty() { Ok(()) } else { Err(io::Error::other(format!("{} grew", grown.join(", ")))) }
}

/// Writes at the rate for `each`, and tells what that came to.
async fn sample(system: &Arc<System>, written: &mut usize, each: Duration) -> Sample {
    let _before = system.asked();
    let (began, cpu, read) = (Instant::now(), spent(), system.receipts.read.load(Ordering::Relaxed));
    let mut writers = JoinSet::new();
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(TICKS).unwrap());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while began.elapsed() < each {
        ticks.tick().await;
        let waiting = *written - system.receipts.read.load(Ordering::Relaxed);
        for _ in 0..(RATE / TICKS).min(MOST_WAITING.saturating_sub(waiting)) {
            let (system, place) = (Arc::clone(system), *written);
            writers.spawn(async move { system.write(place).await });
            *written += 1;
        }
        while let Some(written) = writers.try_join_next() {
            written.unwrap();
        }
    }
    writers.join_all().await;
    let through = (system.receipts.read.load(Ordering::Relaxed) - read) as f64;
    let rows = system.asked().iter().map(|asked| asked.rows_written).sum::<usize>() as f64;
    Sample {
        a_second: through / began.elapsed().as_secs_f64(),
        cpu: (spent() - cpu) * 1e6 / through,
        rows: rows / through,
        memory_mib: resident_mib(),
        open_files: fs::read_dir("/proc/self/fd").unwrap().count() as f64,
        disk_mib: bytes_under(system.folder()) as f64 / 1_048_576.0,
    }
}

fn mean(samples: &[Sample]) -> Sample {
    let of = |field: fn(&Sample) -> f64| samples.iter().map(field).sum::<f64>() / samples.len() as f64;
    Sample {
        a_second: of(|sample| sample.a_second),
        cpu: of(|sample| sample.cpu),
        rows: of(|sample| sample.rows),
        memory_mib: of(|sample| sample.memory_mib),
        open_files: of(|sample| sample.open_files),
        disk_mib: of(|sample| sample.disk_mib),
    }
}

fn resident_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    kib.unwrap().trim().parse::<f64>().unwrap() / 1_024.0
}

fn bytes_under(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_under(&entry.path()),
        Ok(metadata) => metadata.len(),
        // It was deleted meanwhile.
        Err(_) => 0,
    };
    entries.flatten().map(bytes).sum()
}
