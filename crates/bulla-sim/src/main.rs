//! Runs seeds on all cores, says how far it is, and ends with what was done to the system and what it showed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for a terminal")]

mod options;
mod planted_bug_table;
mod seeds;
mod totals;

use std::process::ExitCode;

use options::Options;

fn main() -> ExitCode {
    match Options::read(std::env::args().skip(1)) {
        Ok(options) if options.planted => planted_bug_table::run(&options),
        Ok(options) => seeds::run(&options),
        Err(why) => {
            eprintln!("error: {why}\n\n{}", Options::USAGE);
            ExitCode::from(2)
        }
    }
}
