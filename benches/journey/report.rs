use std::io::{self, Write};

use crate::load::Window;

/// The last window costs at most so many times what the first does.
const MOST_RATIO: f64 = 1.1;

#[derive(Default)]
pub(crate) struct Report(Vec<(String, Vec<Window>)>);

impl Report {
    pub(crate) fn add(&mut self, name: &str, windows: &[Window]) {
        self.0.push((name.to_owned(), windows.to_vec()));
    }

    /// What a message costs after so many others, and what it costs after the most of it, in the cost after
    /// the fewest.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "Processor time of the whole process a message: relay, carrier and devices.\n")?;
        writeln!(
            out,
            "| | µs a message after | | | last / first | aim | |\n|---|---:|---:|---:|---:|---:|---|"
        )?;
        for (name, windows) in &self.0 {
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
