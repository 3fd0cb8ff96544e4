use std::io::{self, Write};

/// A relay serves businesses it has had before so many seconds after its start.
const MOST_SECONDS: f64 = 5.0;

/// And an idle one costs no more memory.
const MOST_BYTES: f64 = 4096.0;

/// What was aimed at, what came of it, and whether it was reached.
pub(crate) fn write(
    businesses: u64,
    first: f64,
    again: &[f64],
    bytes: f64,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut sorted = again.to_vec();
    sorted.sort_by(f64::total_cmp);
    let [least, median, most] = [0, sorted.len() / 2, sorted.len() - 1].map(|place| sorted[place]);
    writeln!(out, "{businesses} businesses, which took {first:.1} s when they were new; then opened")?;
    writeln!(out, "again {} times: from {least:.2} to {most:.2} s.\n", again.len())?;
    writeln!(out, "| | measured | aim | |\n|---|---:|---:|---|")?;
    let rows = [
        ("s until all of them serve", format!("{median:.2}"), median, MOST_SECONDS),
        ("bytes of an idle one", format!("{bytes:.0}"), bytes, MOST_BYTES),
    ];
    for (name, shown, measured, aim) in rows {
        let verdict = if measured <= aim { "reached" } else { "NOT reached" };
        writeln!(out, "| {name} | {shown} | ≤ {aim} | {verdict} |")?;
    }
    Ok(())
}
