#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test that fails should say so by panicking, and a child reports by printing"
)]

//! What a store has acknowledged survives the end of its process, at whatever moment it comes, of its disk,
//! and of the power.
//!
//! This binary runs itself again as the child that is killed. It is not run under the usual harness, because
//! a child must not print anything but its report.

mod child;
mod disk_faults;
mod disk_full;
mod entries;
mod expected;
mod out_of_files;
mod power_cut;
mod process_kill;
mod scenario;

use std::env;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

/// Tells a child what to be and where.
const ROLE: &str = "BULLA_STORE_CHILD";
const FOLDER: &str = "BULLA_STORE_FOLDER";
/// Tells a child whom to report to, where it does not report by printing.
const TOLD_TO: &str = "BULLA_STORE_TOLD_TO";

/// When a test is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// Only by its name: it takes minutes, root, or programs not every machine has.
    Named,
}

type Test = (&'static str, When, fn());

const TESTS: [Test; 7] = [
    (
        "nothing_acknowledged_is_lost_when_the_process_is_killed",
        When::Always,
        process_kill::nothing_acknowledged_is_lost,
    ),
    (
        "nothing_is_acknowledged_after_the_disk_failed",
        When::Always,
        disk_full::nothing_is_acknowledged_after_the_disk_failed,
    ),
    (
        "running_out_of_files_stops_nothing_for_good",
        When::Always,
        out_of_files::running_out_of_files_stops_nothing_for_good,
    ),
    (
        "an_engine_that_finds_no_files_to_be_opened_again_is_opened_later",
        When::Always,
        out_of_files::an_engine_that_finds_no_files_to_be_opened_again_is_opened_later,
    ),
    ("powercut", When::Named, power_cut::nothing_acknowledged_is_lost_when_the_power_goes),
    ("full_disk", When::Named, disk_full::a_full_disk_refuses_or_stops_and_space_brings_the_store_back),
    ("faults", When::Named, disk_faults::nothing_acknowledged_is_lost_whichever_disk_operation_fails),
];

fn main() {
    if let Ok(role) = env::var(ROLE) {
        let folder = env::var(FOLDER).unwrap();
        return child::run(&role, Path::new(&folder));
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let only: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    for (name, when, test) in TESTS {
        let is_named = only.iter().any(|filter| name.contains(filter.as_str()));
        if arguments.iter().any(|argument| argument == "--list") {
            println!("{name}: test");
        } else if is_named || (only.is_empty() && when == When::Always) {
            test();
            println!("test {name} ... ok");
        }
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(future)
}

/// A random moment, so many milliseconds away.
fn moment(millis: Range<u64>) -> Duration {
    Duration::from_millis(millis.start + RandomState::new().hash_one(()) % (millis.end - millis.start))
}
