//! A Cloud API to test programs against. `sandbox --help` tells how it is used.

use std::process::ExitCode;

use bulla_example_program::exit_error::ExitError;
use bulla_example_program::observability::Observability;
use bulla_example_program::open_files;
use bulla_example_program::program::{asked_to_end, run};
use bulla_examples::sandbox::{HELP, Quiet, SandboxOptions, sandbox};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    run("sandbox", SandboxOptions::read, |options, terminal| match options {
        Some(options) => {
            Observability::begin(terminal)?;
            open_files::allow_all();
            let quiet = Quiet::default();
            let parked = quiet.clone();
            // Of one thread, so that everything happens in one order.
            let mut runtime = Builder::new_current_thread();
            let runtime = runtime.enable_all().on_thread_park(move || parked.parked()).build();
            let runtime = runtime.map_err(ExitError::because("there is no runtime"))?;
            let served = runtime.block_on(async {
                let end = asked_to_end()?;
                // In a task: what is awaited here is polled in no order with the others.
                let serving = tokio::spawn(async move { sandbox(options, terminal, quiet, end).await });
                serving.await.map_err(ExitError::because("the sandbox has broken off"))?
            });
            runtime.shutdown_background();
            served
        }
        None => {
            terminal.line(HELP.trim_end());
            Ok(())
        }
    })
}
