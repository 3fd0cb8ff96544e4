//! What a message costs when many were delivered before it.

use std::fs;
use std::path::Path;

use bulla_store::Asked;

use crate::carried::Carried;
use crate::load::{Load, Run};
use crate::served_carrier::ServedCarrier;

/// What messages came to after so many others.
pub(crate) struct Window {
    pub(crate) before: usize,
    pub(crate) run: Run,
    /// Commits, rows written and reads of the store, a message.
    pub(crate) asked: [f64; 3],
    /// Syncs a message.
    pub(crate) syncs: f64,
    /// Bytes that went to the disk, a message.
    pub(crate) disk: f64,
    /// Bytes of the store's files now.
    pub(crate) files: u64,
}

/// Carries messages through one carrier, and looks at what `window` cost after each of the marks.
pub(crate) async fn measured(marks: &[usize], window: Load, progress: impl Fn(&Window)) -> Vec<Window> {
    let folder = tempfile::tempdir().unwrap();
    let served = ServedCarrier::start(folder.path()).await;
    let mut carried = Carried::start(&served, window.pairs).await;
    let (mut windows, mut done) = (Vec::new(), 0);
    for &mark in marks {
        carried.run(Load { messages: mark - done, ..window }).await;
        let _before = served.store.counts().take();
        let (syncs, disk) = (served.engine.stats().syncs, written());
        let run = carried.run(window).await;
        let (asked, messages) = (served.store.counts().take(), window.messages as f64);
        let Asked { commits, rows_written, .. } = asked;
        let window_of = Window {
            before: mark,
            run,
            asked: [commits, rows_written, asked.reads()].map(|count| count as f64 / messages),
            syncs: (served.engine.stats().syncs - syncs) as f64 / messages,
            disk: (written() - disk) / messages,
            files: bytes_of(folder.path()),
        };
        progress(&window_of);
        windows.push(window_of);
        done = mark + window.messages;
    }
    drop(carried);
    served.close().await;
    windows
}

/// Bytes that this process has had written to the disk.
fn written() -> f64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap();
    line.parse().unwrap()
}

/// Bytes of the files below `folder`. What is removed meanwhile counts nothing.
fn bytes_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let of_entry = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_of(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of_entry).sum()
}
