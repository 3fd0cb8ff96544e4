#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test that fails should say so by panicking, and measures in the machine's time"
)]

//! What is said is nowhere it must not be, and who is erased is nowhere at all: a relay and a carrier in
//! processes of their own, whose memory and files are searched for every text and number.

mod business;
mod canaries;
mod child;
mod erasure;
mod http;
mod log;
mod processes;
mod refused_requests;
mod remote_carrier;
mod search;
mod socket;
mod tracked_rows;
mod users;

use std::alloc::System;
use std::env;

use zeroizing_alloc::ZeroAlloc;

/// Freed memory keeps what stood in it until somebody else writes there. No library can help that; a program
/// can, by an allocator that overwrites what is freed. Whoever hosts a relay should have one, as these
/// processes do: without, some three thousand copies of what 600 users had said and been told were still
/// found in the relay, and seventeen of numbers of the erased in the carrier.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

const TEST: &str = "nothing_said_stays_and_nobody_erased_is_left";

fn main() {
    if let Ok(role) = env::var(child::ROLE) {
        return child::run(&role, &env::var(child::FOLDER).unwrap());
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let only: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("{TEST}: test");
    } else if only.is_empty() || only.iter().any(|filter| TEST.contains(filter.as_str())) {
        erasure::run();
        println!("test {TEST} ... ok");
    }
}
