//! A user's device as a program of its own. `device --help` tells how it is used.

use std::process::ExitCode;

use bulla_example_program::observability::Observability;
use bulla_example_program::program::{asked_to_end, block_on, run};
use bulla_examples::device::{DeviceOptions, HELP, device};

fn main() -> ExitCode {
    run("device", DeviceOptions::read, |options, terminal| match options {
        Some(options) => {
            Observability::begin(terminal)?;
            block_on(async { device(options, terminal, asked_to_end()?).await })
        }
        None => {
            terminal.line(HELP.trim_end());
            Ok(())
        }
    })
}
