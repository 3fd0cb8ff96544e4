//! The tables.

use std::io::{self, Write};

use crate::bulla_engine::{Ours, Unsealed};
use crate::drop_day;
use crate::engine_under_test::EngineUnderTest;
use crate::measurements::Measurements;
use crate::raw_fjall::RawFjall;
use crate::raw_log::RawLog;
use crate::reopen;

const ROWS: [&str; 12] = [
    "accepts/s at 64",
    "accepts/s at 256",
    "p50 ms at 64",
    "p99 ms at 64",
    "p50 ms at 256",
    "p99 ms at 256",
    "CPU µs an accept at 64, callers included",
    "CPU µs an accept at 256, callers included",
    "CPU µs an accept in groups of 64",
    "syncs an accept at 64",
    "syncs an accept at 256",
    "journal bytes an accept of 1 KiB",
];

const LOG: &str = RawLog::NAME;
const FJALL: &str = RawFjall::NAME;
const OURS: &str = Ours::NAME;
const UNSEALED: &str = Unsealed::NAME;

/// Median, and from least to most.
pub(crate) fn accepts(board: &Measurements, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "| | {OURS} | {UNSEALED} | {FJALL} | {LOG} |\n|---|---:|---:|---:|---:|")?;
    for row in ROWS {
        let cells = [OURS, UNSEALED, FJALL, LOG].map(|who| {
            if board.samples(row, who).is_empty() {
                return String::new();
            }
            let (least, most) = board.range(row, who);
            format!("{} ({}–{})", digits(board.median(row, who)), digits(least), digits(most))
        });
        writeln!(out, "| {row} | {} |", cells.join(" | "))?;
    }
    Ok(())
}

/// What was aimed at, what came of it, and whether it was reached.
pub(crate) struct Report(Vec<(String, f64, Aim)>);

enum Aim {
    AtLeast(f64),
    AtMost(f64),
}

impl Report {
    /// Of accepts alone.
    pub(crate) fn of_accepts(board: &Measurements) -> Self {
        use Aim::{AtLeast, AtMost};
        let ratio = |row, other| board.ratio(row, OURS, other);
        let rows = [
            ("accepts/s at 256, of raw fjall", ratio("accepts/s at 256", FJALL), AtLeast(0.6)),
            (
                "accepts/s at 256, unsealed, of raw fjall",
                board.ratio("accepts/s at 256", UNSEALED, FJALL),
                AtLeast(0.6),
            ),
            ("accepts/s at 64, of the raw log", ratio("accepts/s at 64", LOG), AtLeast(0.2)),
            ("p99 at 64, of raw fjall's", ratio("p99 ms at 64", FJALL), AtMost(1.5)),
            ("p99 at 256, of raw fjall's", ratio("p99 ms at 256", FJALL), AtMost(1.5)),
            ("p99 at 64, of the raw log's", ratio("p99 ms at 64", LOG), AtMost(10.0)),
            (
                "journal KiB an accept of 1 KiB",
                board.median("journal bytes an accept of 1 KiB", OURS) / 1024.0,
                AtMost(1.6),
            ),
            ("syncs an accept at 64", board.median("syncs an accept at 64", OURS), AtMost(1.0 / 16.0)),
            (
                "CPU µs an accept in groups of 64",
                board.median("CPU µs an accept in groups of 64", OURS),
                AtMost(25.0),
            ),
            (
                "CPU µs an accept at 64, callers included",
                board.median("CPU µs an accept at 64, callers included", OURS),
                AtMost(60.0),
            ),
        ];
        Self(rows.into_iter().map(|(name, measured, aim)| (name.into(), measured, aim)).collect())
    }

    /// Of everything.
    pub(crate) fn of(board: &Measurements, messages: u32, records: u64) -> Self {
        use Aim::{AtLeast, AtMost};
        let Self(mut rows) = Self::of_accepts(board);
        rows.extend([
            (
                format!("ms to drop a day of {messages} messages"),
                board.median(drop_day::TIME, drop_day::DROPPED),
                AtMost(250.0),
            ),
            (
                "walking the day, in time, of dropping it".into(),
                board.ratio(drop_day::TIME, drop_day::WALKED, drop_day::DROPPED),
                AtLeast(20.0),
            ),
            (
                "walking the day, in CPU, of dropping it".into(),
                board.ratio(drop_day::CPU, drop_day::WALKED, drop_day::DROPPED),
                AtLeast(20.0),
            ),
        ]);
        for (name, settings) in reopen::TRIED {
            let to_open = format!("s to open {records} records after a kill ({name})");
            rows.push((to_open, board.median(reopen::TIME, name), AtMost(3.0)));
            // What the journals hold waits in memory, where small rows take as much again; and the program.
            let [cache, journals, buffer] = settings;
            let bound = (cache + 2 * (journals + 64 + buffer) + 32) as f64;
            rows.push((
                format!("MiB of memory while loading them ({name})"),
                board.median(reopen::MEMORY, name),
                AtMost(bound),
            ));
        }
        Self(rows)
    }

    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "| | measured | aim | |\n|---|---:|---:|---|")?;
        let mut missed = 0;
        for (name, measured, aim) in &self.0 {
            let (reached, aim) = match aim {
                Aim::AtLeast(aim) => (measured >= aim, format!("≥ {}", digits(*aim))),
                Aim::AtMost(aim) => (measured <= aim, format!("≤ {}", digits(*aim))),
            };
            missed += usize::from(!reached);
            let verdict = if reached { "reached" } else { "NOT reached" };
            writeln!(out, "| {name} | {} | {aim} | {verdict} |", digits(*measured))?;
        }
        writeln!(out, "\n{} of {} reached", self.0.len() - missed, self.0.len())
    }
}

/// Three digits.
fn digits(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.2}"),
        value => format!("{value:.4}"),
    }
}
