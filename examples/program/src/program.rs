//! A program from its start to its exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::arguments::UsageError;
use crate::exit_error::ExitError;
use crate::terminal::Terminal;

const USAGE: u8 = 2;

/// What a program does: `serve` what it was asked for by its arguments, its name left out, on a runtime of
/// its own.
///
/// It exits with 2 when it cannot be used like this, with 1 when it ends before it should, and says why on
/// the standard error.
pub fn run<T>(
    name: &str,
    read: impl FnOnce(Vec<OsString>) -> Result<T, UsageError>,
    act: impl FnOnce(T, Terminal) -> Result<(), ExitError>,
) -> ExitCode {
    let terminal = match Terminal::open() {
        Ok(terminal) => terminal,
        Err(problem) => {
            print_error(name, &problem.with_causes());
            return ExitCode::FAILURE;
        }
    };
    // The usual hook would wait for whoever reads the standard error.
    std::panic::set_hook(Box::new(move |panic| terminal.error_line(panic)));
    let code = match read(std::env::args_os().skip(1).collect()) {
        Ok(asked) => match act(asked, terminal) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => {
                terminal.error_line(format_args!("{name}: {}", problem.with_causes()));
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            terminal.error_line(format_args!("{name}: {error}\n{name} --help tells how it is used"));
            ExitCode::from(USAGE)
        }
    };
    terminal.finish();
    code
}

/// Runs `work` on a runtime of its own.
///
/// # Errors
/// As `work`, and when there can be no runtime.
pub fn block_on(work: impl Future<Output = Result<(), ExitError>>) -> Result<(), ExitError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(ExitError::because("there is no runtime"))?.block_on(work)
}

#[expect(
    clippy::print_stderr,
    reason = "this is where the program says why there is nothing else to say it with"
)]
fn print_error(name: &str, why: &str) {
    eprintln!("{name}: {why}");
}

/// Ready at the first Ctrl-C, or when the system asks the program to end.
///
/// # Errors
/// When signals cannot be heard.
#[cfg(unix)]
pub fn asked_to_end() -> Result<impl Future<Output = ()>, ExitError> {
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
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn asked_to_end() -> Result<impl Future<Output = ()>, ExitError> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
