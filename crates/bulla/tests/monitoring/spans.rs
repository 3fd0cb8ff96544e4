//! In which spans things are told, against the guide's table of them.

use std::collections::BTreeSet;

/// Crates all of whose events are told within a span of theirs or of whoever called them.
const ALWAYS: [&str; 3] = ["bulla_carrier", "bulla_device", "bulla_relay"];

/// One line of what was written down: what it is, who tells it and in which span.
fn parts(line: &str) -> Option<(&str, &str, &str)> {
    let (head, rest) = line.split_once(" [")?;
    let (kind, target) = head.split_once(' ')?;
    Some((kind, target, rest.split_once("]:")?.0))
}

/// What is told by one of `ALWAYS` outside of every span.
pub(crate) fn outside(told: &str) -> Vec<&str> {
    let is_outside = |line: &&str| {
        parts(line).is_some_and(|(kind, target, span)| {
            kind != "SPAN" && span == "-" && ALWAYS.iter().any(|name| target.starts_with(name))
        })
    };
    told.lines().filter(is_outside).collect()
}

/// The spans that were begun, each by its name and task.
pub(crate) fn begun(told: &str) -> BTreeSet<String> {
    let spans = told
        .lines()
        .filter_map(parts)
        .filter(|(kind, target, _)| *kind == "SPAN" && target.starts_with("bulla"));
    spans.map(|(_, _, span)| span.to_owned()).collect()
}

/// Every span of the page's table, by its name and task.
pub(crate) fn on_page(page: &str) -> BTreeSet<String> {
    let rows = page.lines().skip_while(|line| *line != "| span | task |").skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let spans = rows.flat_map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, tasks] = cells[..] else { panic!("{row}: not two cells") };
        let tasks = tasks.split(',').map(str::trim).map(|task| task.trim_matches('`'));
        let span = |task| format!("{} {task}", name.trim_matches('`')).trim_end().to_owned();
        tasks.map(span).collect::<Vec<_>>()
    });
    spans.collect()
}
