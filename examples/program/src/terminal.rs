//! What is printed.

mod printer;

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::time::Duration;

use self::printer::Printer;
use crate::exit_error::ExitError;

/// How long the end of the program waits for somebody who reads nothing.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

static OUT: OnceLock<Printer> = OnceLock::new();
static ERR: OnceLock<Printer> = OnceLock::new();

/// The standard output and the standard error, a whole line at a time.
///
/// A terminal or a pipe that nobody reads holds up nobody: what is printed waits, within a bound, and what
/// comes beyond it is lost. When somebody reads again, how much that was is said in its place.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    out: &'static Printer,
    err: &'static Printer,
}

impl Terminal {
    /// Takes hold of both.
    ///
    /// # Errors
    /// When there can be no thread that writes to them.
    pub fn open() -> Result<Self, ExitError> {
        let out = printer(&OUT, "output", || unbuffered(io::stdout()))?;
        let err = printer(&ERR, "errors", || unbuffered(io::stderr()))?;
        Ok(Self { out, err })
    }

    /// Prints one line, soon, and waits for nothing.
    pub fn line(self, line: impl Display) {
        self.out.print(line.to_string());
    }

    /// Prints one line and returns when it is out, so that it is not lost with the program; unless nobody
    /// reads.
    pub async fn shown(self, line: impl Display) {
        self.out.print_and_wait(line.to_string()).await;
    }

    /// Prints an empty line and a headline.
    pub fn headline(self, headline: impl Display) {
        self.line(format_args!("\n{headline}"));
    }

    /// Prints one line on the standard error, soon, and waits for nothing.
    pub fn error_line(self, line: impl Display) {
        self.err.print(line.to_string());
    }

    /// Waits until everything is printed, or nobody reads it.
    pub fn finish(self) {
        self.out.finish(FLUSH_TIMEOUT);
        self.err.finish(FLUSH_TIMEOUT);
    }
}

fn printer(
    place: &'static OnceLock<Printer>,
    name: &str,
    stream: impl FnOnce() -> Box<dyn Write + Send>,
) -> Result<&'static Printer, ExitError> {
    if let Some(printer) = place.get() {
        return Ok(printer);
    }
    let printer = Printer::start(name, stream()).map_err(ExitError::because("nothing can be printed"))?;
    Ok(place.get_or_init(|| printer))
}

/// The stream itself. Its handle in the library keeps what was not written, and would mix it with what comes
/// next.
#[cfg(unix)]
fn unbuffered(stream: impl std::os::fd::AsFd + Write + Send + 'static) -> Box<dyn Write + Send> {
    match stream.as_fd().try_clone_to_owned() {
        Ok(own) => Box::new(std::fs::File::from(own)),
        Err(_) => Box::new(stream),
    }
}

#[cfg(not(unix))]
fn unbuffered(stream: impl Write + Send + 'static) -> Box<dyn Write + Send> {
    Box::new(stream)
}
