use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bulla_store::Asked;
use futures_util::StreamExt;

use crate::Extent;
use crate::clock::spent;
use crate::system_under_test::System;

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
async fn timed(system: &System, before: usize, messages: usize, work: impl Future<Output = ()>) -> Window {
    let _before = system.asked();
    let (began, cpu) = (Instant::now(), spent());
    work.await;
    let (cpu, elapsed, count) = (spent() - cpu, began.elapsed(), messages as f64);
    let sum = |of: fn(&Asked) -> usize, asked: &[Asked]| asked.iter().map(of).sum::<usize>() as f64 / count;
    let asked = system.asked();
    let asked = [
        sum(|asked| asked.commits, &asked),
        sum(|asked| asked.rows_written, &asked),
        sum(Asked::reads, &asked),
    ];
    Window { before, cpu: cpu * 1e6 / count, a_second: count / elapsed.as_secs_f64(), asked }
}

/// Writes the messages from `first` on, so many at a time; how far each goes on is for the caller to wait
/// for.
async fn write(system: &System, messages: std::ops::Range<usize>, in_flight: usize) {
    futures_util::stream::iter(messages).for_each_concurrent(in_flight, |place| system.write(place)).await;
}

/// What a message costs, with all three statuses told, when so many were delivered before it.
pub(crate) async fn delivered(system: &System, extent: Extent, progress: impl Fn(&Window)) -> Vec<Window> {
    let (mut windows, mut done) = (Vec::new(), 0);
    let through = async |done: &mut usize, count: usize| {
        // A window at a time: nothing piles up.
        while *done < count {
            let next = count.min(*done + extent.in_flight);
            write(system, *done..next, extent.in_flight).await;
            system.receipts.until(&system.receipts.read, next).await;
            *done = next;
        }
    };
    for mark in extent.marks {
        through(&mut done, mark).await;
        let window = timed(system, mark, extent.window, through(&mut done, mark + extent.window)).await;
        progress(&window);
        windows.push(window);
    }
    windows
}

/// What it costs to have a message accepted when so many wait with the users' devices, which nobody looks at;
/// and last, what it costs to get all of them through.
pub(crate) async fn backlog(system: &System, extent: Extent, progress: impl Fn(&Window)) -> Vec<Window> {
    // Every user has a session.
    write(system, 0..system.users.len(), extent.in_flight).await;
    let mut written = system.users.len();
    system.receipts.until(&system.receipts.read, written).await;
    system.receipts.set_open(false);
    let mut windows = Vec::new();
    let already = written;
    for mark in extent.marks {
        write(system, written..already + mark, extent.in_flight).await;
        let window = timed(
            system,
            mark,
            extent.window,
            write(system, already + mark..already + mark + extent.window, extent.in_flight),
        );
        let window = window.await;
        written = already + mark + extent.window;
        progress(&window);
        windows.push(window);
    }
    let waiting = written - system.receipts.read.load(Ordering::Relaxed);
    let drained = timed(system, waiting, waiting, async {
        system.receipts.set_open(true);
        system.receipts.until(&system.receipts.read, written).await;
    });
    eprintln!("backlog drained: {}", drained.await);
    windows
}
