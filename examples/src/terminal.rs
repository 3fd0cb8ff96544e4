//! What is printed.

use std::fmt::Display;
use std::io::{self, Write};

/// The standard output, a whole line at a time.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Terminal;

impl Terminal {
    /// The standard output.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }

    /// Prints one line, at once: others may read it through a pipe. When nobody reads any more, it is lost.
    pub fn line(self, line: impl Display) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }

    /// Prints an empty line and a headline.
    pub fn headline(self, headline: impl Display) {
        self.line(format_args!("\n{headline}"));
    }
}
