//! Everything anybody says about what they do, down to the least, in a file.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span;

/// Writes down every event and span of `tracing`, and every record of `log`, which the engine uses.
#[derive(Clone)]
struct LogWriter {
    file: Arc<Mutex<File>>,
    /// What the spans are called, each at the place that its id says.
    spans: Arc<Mutex<Vec<String>>>,
}

thread_local! {
    /// The ids of the spans that this thread is in, the innermost last.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Has everything that is said in this process written into `file`.
pub(crate) fn log_to(file: &Path) {
    let writer = LogWriter { file: Arc::new(Mutex::new(File::create(file).unwrap())), spans: Arc::default() };
    log::set_boxed_logger(Box::new(writer.clone())).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    tracing::subscriber::set_global_default(writer).unwrap();
}

impl LogWriter {
    fn line(&self, line: &str) {
        self.file.lock().unwrap().write_all(line.as_bytes()).unwrap();
    }

    /// The span that this thread is in, by its name and task; `-` when it is in none.
    fn current(&self) -> String {
        let current = ENTERED.with_borrow(|entered| entered.last().copied());
        current.map_or_else(|| "-".to_owned(), |id| self.spans.lock().unwrap()[index(id)].clone())
    }
}

impl tracing::Subscriber for LogWriter {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut task = Task(String::new());
        span.record(&mut task);
        let called = format!("{}{}", span.metadata().name(), task.0);
        let mut line = Line(format!("SPAN {} [{called}]:", span.metadata().target()));
        span.record(&mut line);
        self.line(&line.end());
        let mut spans = self.spans.lock().unwrap();
        spans.push(called);
        span::Id::from_u64(spans.len().try_into().unwrap())
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut line = Line("span".to_owned());
        values.record(&mut line);
        self.line(&line.end());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let (level, target) = (event.metadata().level(), event.metadata().target());
        let mut line = Line(format!("{level} {target} [{}]:", self.current()));
        event.record(&mut line);
        self.line(&line.end());
    }

    fn enter(&self, span: &span::Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(span.into_u64()));
    }

    fn exit(&self, span: &span::Id) {
        ENTERED.with_borrow_mut(|entered| {
            let left = entered.iter().rposition(|entered| *entered == span.into_u64());
            entered.remove(left.unwrap());
        });
    }
}

/// Where the name of the span with this id stands.
fn index(id: u64) -> usize {
    usize::try_from(id).unwrap() - 1
}

/// What the field `task` of a span says.
struct Task(String);

impl Visit for Task {
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "task" {
            self.0 = format!(" {value}");
        }
    }
}

impl log::Log for LogWriter {
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
