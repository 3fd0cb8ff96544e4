use std::io::{self, Write};

use crate::load::Window;
use crate::speed::{LowerBounds, Speed, Way};

/// The last window costs at most so many times what the first does.
const MOST_RATIO: f64 = 1.1;

/// What a way takes of processor time is at most so many times what its parts do.
const LEAST_SHARE: f64 = 0.6;

/// Microseconds of processor time for a message with all its statuses.
const MOST_CPU: f64 = 700.0;

#[derive(Default)]
pub(crate) struct Report {
    growth: Vec<(String, Vec<Window>)>,
    pub(crate) speeds: Vec<Speed>,
    pub(crate) lower_bounds: Option<LowerBounds>,
}

impl Report {
    pub(crate) fn add(&mut self, name: &str, windows: &[Window]) {
        self.growth.push((name.to_owned(), windows.to_vec()));
    }

    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(lower_bounds) = &self.lower_bounds {
            self.write_speeds(lower_bounds, out)?;
        }
        if self.growth.is_empty() { Ok(()) } else { self.write_growth(out) }
    }

    /// How fast each part of the way is, beside what its parts cost by themselves.
    fn write_speeds(&self, lower_bounds: &LowerBounds, out: &mut impl Write) -> io::Result<()> {
        let LowerBounds { http, seal, open, commit, row } = lower_bounds;
        writeln!(
            out,
            "By themselves, µs of processor time: a request {http:.0}, sealing {seal:.1}, opening"
        )?;
        writeln!(out, "{open:.1}, a commit {commit:.1} and {row:.1} a row.\n")?;
        writeln!(
            out,
            "| | users | a second | µs of CPU | its parts' | share | p50 ms | p99 ms | disk bytes | commits | rows | aim |"
        )?;
        writeln!(out, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|")?;
        for speed in &self.speeds {
            let Speed { way, users, a_second, cpu, p50, p99, disk, commits, rows, floor } = speed;
            let [p50, p99] = [p50, p99].map(|wait| wait.as_secs_f64() * 1e3);
            write!(
                out,
                "| {} | {users} | {a_second:.0} | {cpu:.0} | {floor:.0} | {:.2} ",
                way.name(),
                floor / cpu
            )?;
            write!(out, "| {p50:.1} | {p99:.1} | {disk:.0} | {commits:.1} | {rows:.1} | ")?;
            writeln!(out, "{} |", aims(speed))?;
        }
        writeln!(out)
    }

    /// What a message costs after so many others, and what it costs after the most of it, in the cost after
    /// the fewest.
    fn write_growth(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "Processor time of the whole process a message: relay, carrier and devices.\n")?;
        writeln!(
            out,
            "| | µs a message after | | | last / first | aim | |\n|---|---:|---:|---:|---:|---:|---|"
        )?;
        for (name, windows) in &self.growth {
            let cells: Vec<String> =
                windows.iter().map(|window| format!("{}: {:.0}", window.before, window.cpu)).collect();
            let (Some(first), Some(last)) = (windows.first(), windows.last()) else { continue };
            let ratio = last.cpu / first.cpu;
            let verdict = if ratio <= MOST_RATIO { "reached" } else { "NOT reached" };
            writeln!(out, "| {name} | {} | {ratio:.2} | ≤ {MOST_RATIO} | {verdict} |", cells.join(" | "))?;
        }
        Ok(())
    }
}

/// Which aims a way has reached with the most users.
fn aims(speed: &Speed) -> String {
    if speed.users < 1_000 {
        return String::new();
    }
    let mut aims = Vec::new();
    let mut say = |aim: String, is_reached: bool| {
        aims.push(format!("{aim} {}", if is_reached { "reached" } else { "NOT reached" }));
    };
    if let Some(aim) = speed.way.aim() {
        say(format!("≥ {aim} a second"), speed.a_second >= aim);
    }
    if speed.way == Way::Told {
        say(format!("≤ {MOST_CPU} µs"), speed.cpu <= MOST_CPU);
        say(format!("share ≥ {LEAST_SHARE}"), speed.floor / speed.cpu >= LEAST_SHARE);
    }
    aims.join("; ")
}
