use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bulla_store::Asked;
use futures_util::StreamExt;

use crate::Extent;
use crate::clock::spent;
use crate::town::Town;

/// What some messages cost, on average.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    /// How many were delivered, or wait, before them.
    pub(crate) before: usize,
    /// Microseconds of processor time of the whole process.
    pub(crate) cpu: f64,
    /// How many were through in a second.
    pub(crate) a_second: f64,
    /// Commits, rows written and reads for each in all three stores.
    pub(crate) asked: [f64; 3],
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, cpu, a_second, asked: [commits, rows, reads] } = self;
        write!(f, "after {before} messages {cpu:.0} µs of processor time each, {a_second:.0} a second; ")?;
        write!(f, "{commits:.1} commits, {rows:.1} rows, {reads:.1} reads")
    }
}

/// Times what `work` does with `messages` messages.
async fn timed(town: &Town, before: usize, messages: usize, work: impl Future<Output = ()>) -> Window {
    let _before = town.asked();
    let (began, cpu) = (Instant::now(), spent());
    work.await;
    let (cpu, elapsed, count) = (spent() - cpu, began.elapsed(), messages as f64);
    let sum = |of: fn(&Asked) -> usize, asked: &[Asked]| asked.iter().map(of).sum::<usize>() as f64 / count;
    let asked = town.asked();
    let asked = [
        sum(|asked| asked.commits, &asked),
        sum(|asked| asked.rows_written, &asked),
        sum(Asked::reads, &asked),
    ];
    Window { before, cpu: cpu * 1e6 / count, a_second: count / elapsed.as_secs_f64(), asked }
}

/// Writes the messages from `first` on, so many at a time; how far each goes on is for the caller to wait
/// for.
async fn write(town: &Town, messages: std::ops::Range<usize>, in_flight: usize) {
    futures_util::stream::iter(messages).for_each_concurrent(in_flight, |place| town.write(place)).await;
}

/// What a message costs, with all three statuses told, when so many were delivered before it.
pub(crate) async fn delivered(town: &Town, extent: Extent, progress: impl Fn(&Window)) -> Vec<Window> {
    let (mut windows, mut done) = (Vec::new(), 0);
    let through = async |done: &mut usize, count: usize| {
        // A window at a time: nothing piles up.
        while *done < count {
            let next = count.min(*done + extent.in_flight);
            write(town, *done..next, extent.in_flight).await;
            town.ledger.until(&town.ledger.read, next).await;
            *done = next;
        }
    };
    for mark in extent.marks {
        through(&mut done, mark).await;
        let window = timed(town, mark, extent.window, through(&mut done, mark + extent.window)).await;
        progress(&window);
        windows.push(window);
    }
    windows
}

/// What it costs to have a message accepted when so many wait with the users' devices, which nobody looks at;
/// and last, what it costs to get all of them through.
pub(crate) async fn backlog(town: &Town, extent: Extent, progress: impl Fn(&Window)) -> Vec<Window> {
    // Every user has a session.
    write(town, 0..town.users.len(), extent.in_flight).await;
    let mut written = town.users.len();
    town.ledger.until(&town.ledger.read, written).await;
    town.ledger.set_open(false);
    let mut windows = Vec::new();
    let already = written;
    for mark in extent.marks {
        write(town, written..already + mark, extent.in_flight).await;
        let window = timed(
            town,
            mark,
            extent.window,
            write(town, already + mark..already + mark + extent.window, extent.in_flight),
        );
        let window = window.await;
        written = already + mark + extent.window;
        progress(&window);
        windows.push(window);
    }
    let waiting = written - town.ledger.read.load(Ordering::Relaxed);
    let drained = timed(town, waiting, waiting, async {
        town.ledger.set_open(true);
        town.ledger.until(&town.ledger.read, written).await;
    });
    eprintln!("backlog drained: {}", drained.await);
    windows
}
