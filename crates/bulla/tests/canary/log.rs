//! Everything anybody says about what they do, down to the least, in a file.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span;

/// Writes down every event and span of `tracing`, and every record of `log`, which the engine uses.
#[derive(Clone)]
struct Scribe(Arc<Mutex<File>>);

/// Has everything that is said in this process written into `file`.
pub(crate) fn write_down(file: &Path) {
    let scribe = Scribe(Arc::new(Mutex::new(File::create(file).unwrap())));
    log::set_boxed_logger(Box::new(scribe.clone())).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    tracing::subscriber::set_global_default(scribe).unwrap();
}

impl Scribe {
    fn line(&self, line: &str) {
        self.0.lock().unwrap().write_all(line.as_bytes()).unwrap();
    }
}

impl tracing::Subscriber for Scribe {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut line = Line(format!("{}: span", span.metadata().target()));
        span.record(&mut line);
        self.line(&line.end());
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut line = Line("span".to_owned());
        values.record(&mut line);
        self.line(&line.end());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(format!("{} {}:", event.metadata().level(), event.metadata().target()));
        event.record(&mut line);
        self.line(&line.end());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl log::Log for Scribe {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.line(&format!("{} {}: {}\n", record.level(), record.target(), record.args()));
    }

    fn flush(&self) {}
}

struct Line(String);

impl Line {
    fn end(self) -> String {
        self.0 + "\n"
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }

    /// With everything beneath it, which who only prints an error does not see.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        write!(self.0, " {field}={value} ({value:?})").unwrap();
        let mut beneath = value.source();
        while let Some(error) = beneath {
            write!(self.0, ": {error}").unwrap();
            beneath = error.source();
        }
    }
}
