//! A carrier, a relay, the Graph API and users' devices in one process. `embedded_relay --help` tells the
//! rest.

use std::process::ExitCode;

use bulla_examples::demo::run_demo;
use bulla_examples::exit_error::ExitError;
use bulla_examples::observability::Observability;
use bulla_examples::open_files;
use bulla_examples::options::{Command, HELP};
use bulla_examples::serve::serve;
use bulla_examples::terminal::Terminal;

const USAGE: u8 = 2;

fn main() -> ExitCode {
    let terminal = match Terminal::open() {
        Ok(terminal) => terminal,
        Err(problem) => {
            print_error(&problem.with_causes());
            return ExitCode::FAILURE;
        }
    };
    // The usual hook would wait for whoever reads the standard error.
    std::panic::set_hook(Box::new(move |panic| terminal.error_line(panic)));
    let code = outcome(terminal);
    terminal.finish();
    code
}

fn outcome(terminal: Terminal) -> ExitCode {
    let error_line = |why: &str| terminal.error_line(format_args!("embedded_relay: {why}"));
    let outcome = match Command::read(std::env::args_os().skip(1)) {
        Ok(Command::Serve(options)) => Observability::begin(terminal).and_then(|observability| {
            open_files::allow_all();
            run(async { serve(*options, terminal, observability, asked_to_end()?).await })
        }),
        Ok(Command::Demo) => Observability::begin(terminal).and_then(|_| run(run_demo(terminal))),
        Ok(_) => {
            terminal.line(HELP.trim_end());
            Ok(())
        }
        Err(error) => {
            error_line(&format!("{error}\nembedded_relay --help tells how it is used"));
            return ExitCode::from(USAGE);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            error_line(&problem.with_causes());
            ExitCode::FAILURE
        }
    }
}

fn run(program: impl Future<Output = Result<(), ExitError>>) -> Result<(), ExitError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(ExitError::because("there is no runtime"))?.block_on(program)
}

#[expect(
    clippy::print_stderr,
    reason = "this is where the program says why there is nothing else to say it with"
)]
fn print_error(why: &str) {
    eprintln!("embedded_relay: {why}");
}

/// Ready at the first Ctrl-C, or when the system asks the program to end.
#[cfg(unix)]
fn asked_to_end() -> Result<impl Future<Output = ()>, ExitError> {
    use tokio::signal::unix::{SignalKind, signal};
    let unheard = || ExitError::because("signals cannot be heard");
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unheard())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(unheard())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ready at the first Ctrl-C.
#[cfg(not(unix))]
fn asked_to_end() -> Result<impl Future<Output = ()>, ExitError> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
