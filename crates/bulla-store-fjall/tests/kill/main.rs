#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that fails should say so by panicking, and a child reports by printing"
)]

//! What a store has acknowledged survives the end of its process, at whatever moment it comes, and of its disk.
//!
//! This binary runs itself again as the child that is killed. It is not run under the usual harness, because a child must not print
//! anything but its report.

mod child;
mod full;
mod killed;
mod ledger;

use std::env;
use std::path::Path;

/// Tells a child what to be and where.
const ROLE: &str = "BULLA_STORE_CHILD";
const FOLDER: &str = "BULLA_STORE_FOLDER";

type Test = fn();

const TESTS: [(&str, Test); 2] = [
    ("nothing_acknowledged_is_lost_when_the_process_is_killed", killed::nothing_acknowledged_is_lost),
    ("nothing_is_acknowledged_after_the_disk_failed", full::nothing_is_acknowledged_after_the_disk_failed),
];

fn main() {
    if let Ok(role) = env::var(ROLE) {
        let folder = env::var(FOLDER).unwrap();
        return child::run(&role, Path::new(&folder));
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let only: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    for (name, test) in TESTS {
        if arguments.iter().any(|argument| argument == "--list") {
            println!("{name}: test");
        } else if only.is_empty() || only.iter().any(|filter| name.contains(filter.as_str())) {
            test();
            println!("test {name} ... ok");
        }
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(future)
}
