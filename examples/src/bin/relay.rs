//! The business's side as a program of its own. `relay --help` tells how it is used.

use std::process::ExitCode;

use bulla_example_program::observability::Observability;
use bulla_example_program::open_files;
use bulla_example_program::program::{asked_to_end, block_on, run};
use bulla_examples::relay::{HELP, RelayOptions, relay};

fn main() -> ExitCode {
    run("relay", RelayOptions::read, |options, terminal| match options {
        Some(options) => {
            let observability = Observability::begin(terminal)?;
            open_files::allow_all();
            block_on(async { relay(options, terminal, observability, asked_to_end()?).await })
        }
        None => {
            terminal.line(HELP.trim_end());
            Ok(())
        }
    })
}
