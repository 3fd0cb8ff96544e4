//! The tables, and what was aimed at.

use std::io::{self, Write};

use crate::growth::Window;
use crate::latency::Latencies;
use crate::load::Run;

/// What was measured. What is not there was not asked for.
#[derive(Default)]
pub(crate) struct Report {
    /// The carrier, the bare stream and NATS.
    pub(crate) speeds: Option<[Vec<Run>; 3]>,
    pub(crate) windows: Vec<Window>,
    pub(crate) latencies: Option<Latencies>,
    /// So many devices, and the bytes that each takes.
    pub(crate) idle: Option<(usize, f64)>,
}

/// What the rows of the first table are called.
const CONTENDERS: [&str; 3] = ["the carrier", "a bare stream of tonic", "NATS JetStream, each synced"];
const LEAST_OF_BARE: f64 = 0.4;
const MOST_BEYOND_SYNC_MS: f64 = 1.0;
const MOST_GROWTH: f64 = 1.1;
const MOST_IDLE_BYTES: f64 = 24.0 * 1024.0;

impl Report {
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(speeds) = &self.speeds {
            write_speeds(speeds, out)?;
        }
        if !self.windows.is_empty() {
            write_growth(&self.windows, out)?;
        }
        if let Some(latencies) = &self.latencies {
            write_latencies(latencies, out)?;
        }
        if let Some((devices, bytes)) = self.idle {
            writeln!(
                out,
                "\n| idle devices | bytes of the carrier's memory each | aim | |\n|---:|---:|---:|---|"
            )?;
            let aim = verdict(bytes <= MOST_IDLE_BYTES);
            writeln!(out, "| {devices} | {bytes:.0} | ≤ {MOST_IDLE_BYTES} | {aim} |")?;
        }
        Ok(())
    }
}

fn write_speeds(speeds: &[Vec<Run>; 3], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "| | messages a second (least to most) | µs of processor time each |\n|---|---:|---:|")?;
    for (name, runs) in CONTENDERS.iter().zip(speeds) {
        let (a_second, cpu) = (sorted(runs, |run| run.a_second), sorted(runs, |run| run.cpu));
        let (least, most) = (a_second[0], a_second[runs.len() - 1]);
        let median = median(&a_second);
        writeln!(out, "| {name} | {median:.0} ({least:.0}–{most:.0}) | {:.1} |", self::median(&cpu))?;
    }
    let [ours, bare, nats] = speeds.each_ref().map(|runs| median(&sorted(runs, |run| run.a_second)));
    writeln!(out, "\n| the carrier's speed | measured | aim | |\n|---|---:|---:|---|")?;
    for (name, ratio, least) in
        [("of the bare stream's", ours / bare, LEAST_OF_BARE), ("of NATS'", ours / nats, 1.0)]
    {
        writeln!(out, "| {name} | {ratio:.2} | ≥ {least} | {} |", verdict(ratio >= least))?;
    }
    Ok(())
}

fn write_growth(windows: &[Window], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "\n| delivered before | µs of processor time | a second | commits | rows | reads | syncs | disk bytes \
         | files, MiB |"
    )?;
    writeln!(out, "|---:|---:|---:|---:|---:|---:|---:|---:|---:|")?;
    for Window { before, run, asked: [commits, rows, reads], syncs, disk, files } in windows {
        write!(
            out,
            "| {before} | {:.1} | {:.0} | {commits:.2} | {rows:.1} | {reads:.2} ",
            run.cpu, run.a_second
        )?;
        writeln!(out, "| {syncs:.3} | {disk:.0} | {} |", files >> 20)?;
    }
    let growth = windows[windows.len() - 1].run.cpu / windows[0].run.cpu;
    writeln!(out, "\nLast / first: {growth:.2} (≤ {MOST_GROWTH}: {})", verdict(growth <= MOST_GROWTH))
}

fn write_latencies(latencies: &Latencies, out: &mut impl Write) -> io::Result<()> {
    let Latencies { sync, echo, engine_sync, outcome, delivered } = latencies;
    writeln!(out, "\n| on an idle system | p50 ms | p99 ms | beyond a sync: p50 | p99 | aim | |")?;
    writeln!(out, "|---|---:|---:|---:|---:|---:|---|")?;
    for (name, times) in [("append and sync", sync), ("a bare stream, and back", echo)] {
        writeln!(out, "| {name} | {:.2} | {:.2} | | | | |", times.at(50), times.at(99))?;
    }
    writeln!(out, "| the engine's own sync, on average | {engine_sync:.2} | | | | | |")?;
    for (name, times) in [("sent, until the outcome", outcome), ("sent, until delivered", delivered)] {
        let [p50, p99] = [50, 99].map(|hundredth| times.at(hundredth) - sync.at(hundredth));
        write!(out, "| {name} | {:.2} | {:.2} | {p50:.2} | {p99:.2} ", times.at(50), times.at(99))?;
        writeln!(out, "| ≤ {MOST_BEYOND_SYNC_MS} | {} |", verdict(p50.max(p99) <= MOST_BEYOND_SYNC_MS))?;
    }
    Ok(())
}

fn sorted(runs: &[Run], of: impl Fn(&Run) -> f64) -> Vec<f64> {
    let mut values: Vec<f64> = runs.iter().map(of).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

const fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "NOT reached" }
}
