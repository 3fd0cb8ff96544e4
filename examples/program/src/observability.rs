//! What the program lets its operator see: logs on the standard error, and counters at `/metrics`.

mod metrics_server;

use std::io::{self, Write};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

pub use self::metrics_server::{PATH, serve};
use crate::exit_error::ExitError;
use crate::terminal::Terminal;

/// Names what is told, as in `RUST_LOG=info,bulla_relay=debug`.
const VARIABLE: &str = "RUST_LOG";
/// What is told when it is not set.
const UNLESS_ASKED: &str = "warn";
/// Upper bounds of what is measured in seconds: from a call in memory to a long outage.
const SECONDS: [f64; 16] = [
    0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0,
    3_000.0,
];
/// Upper bounds of what is counted.
const COUNTS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0];

/// The counters of this program.
#[derive(Clone)]
pub struct Observability(PrometheusHandle);

impl Observability {
    /// Begins to tell and to count, for the whole program.
    ///
    /// # Errors
    /// When `RUST_LOG` cannot be read, or another has begun before.
    pub fn begin(terminal: Terminal) -> Result<Self, ExitError> {
        let asked = std::env::var(VARIABLE).unwrap_or_else(|_| UNLESS_ASKED.to_owned());
        let filter = EnvFilter::try_new(&asked);
        let filter =
            filter.map_err(ExitError::because(format!("{VARIABLE}={asked} names nothing to tell")))?;
        let told = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(terminal);
        told.finish().try_init().map_err(ExitError::because("nothing can be told"))?;

        let seconds = Matcher::Suffix("_seconds".to_owned());
        let builder = PrometheusBuilder::new().set_buckets(&COUNTS);
        let builder = builder.and_then(|builder| builder.set_buckets_for_metric(seconds, &SECONDS));
        let recorder = builder.map_err(ExitError::because("nothing can be counted"))?.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(ExitError::because("nothing can be counted"))?;
        Ok(Self(handle))
    }

    /// All counters, in the text form of Prometheus.
    #[must_use]
    pub fn page(&self) -> String {
        self.0.render()
    }

    /// Adds up what was measured since the last time, which takes memory until then.
    pub(crate) fn add_up(&self) {
        self.0.run_upkeep();
    }
}

impl std::fmt::Debug for Observability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observability").finish_non_exhaustive()
    }
}

impl MakeWriter<'_> for Terminal {
    type Writer = LogLine;

    fn make_writer(&self) -> LogLine {
        LogLine(*self)
    }
}

/// What is told of one event, on its way to the standard error.
#[derive(Debug)]
pub struct LogLine(Terminal);

impl Write for LogLine {
    /// Takes a whole event, and waits for nothing.
    fn write(&mut self, told: &[u8]) -> io::Result<usize> {
        self.0.error_line(String::from_utf8_lossy(told).trim_end_matches('\n'));
        Ok(told.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
