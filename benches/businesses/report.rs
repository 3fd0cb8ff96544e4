use std::io::{self, Write};

use crate::Start;

/// A relay serves businesses it has had before so many seconds after its start.
const MOST_SECONDS: f64 = 5.0;

/// And an idle one costs no more memory.
const MOST_BYTES: f64 = 4096.0;

/// What was aimed at, what came of it, and whether it was reached.
pub(crate) fn write(
    businesses: u64,
    first: &Start,
    again: &[Start],
    bytes: f64,
    out: &mut impl Write,
) -> io::Result<()> {
    let [seconds, store, spent] =
        [|start: &Start| start.seconds, |start: &Start| start.store, |start: &Start| start.spent]
            .map(|part| again.iter().map(part).collect::<Vec<_>>());
    let (least, most) = (least(&seconds), seconds.iter().copied().fold(0.0, f64::max));
    writeln!(
        out,
        "{businesses} businesses, new in {:.1} s; then started again {} times,",
        first.seconds,
        again.len()
    )?;
    writeln!(
        out,
        "in {least:.2} to {most:.2} s, of which {:.2} until the stores were open; {:.2} s of processor time.\n",
        median(&store),
        median(&spent)
    )?;
    writeln!(out, "| | measured | aim | |\n|---|---:|---:|---|")?;
    let rows = [
        ("s until all of them serve", 2, median(&seconds), MOST_SECONDS),
        ("bytes of an idle one", 0, bytes, MOST_BYTES),
    ];
    for (name, digits, measured, aim) in rows {
        let verdict = if measured <= aim { "reached" } else { "NOT reached" };
        writeln!(out, "| {name} | {measured:.digits$} | ≤ {aim} | {verdict} |")?;
    }
    Ok(())
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn least(samples: &[f64]) -> f64 {
    samples.iter().copied().fold(f64::INFINITY, f64::min)
}
