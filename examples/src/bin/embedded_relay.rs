//! A carrier, a relay, the Graph API and users' devices in one process. `embedded_relay --help` tells the
//! rest.

use std::process::ExitCode;

use bulla_example_program::observability::Observability;
use bulla_example_program::open_files;
use bulla_example_program::program::{asked_to_end, block_on, run};
use bulla_examples::demo::run_demo;
use bulla_examples::options::{Command, HELP};
use bulla_examples::serve::serve;

fn main() -> ExitCode {
    run("embedded_relay", Command::read, |command, terminal| match command {
        Command::Serve(options) => {
            let observability = Observability::begin(terminal)?;
            open_files::allow_all();
            block_on(async { serve(*options, terminal, observability, asked_to_end()?).await })
        }
        Command::Demo => {
            Observability::begin(terminal)?;
            block_on(run_demo(terminal))
        }
        _ => {
            terminal.line(HELP.trim_end());
            Ok(())
        }
    })
}
