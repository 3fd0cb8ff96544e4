use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// How much may wait to be read by others, in bytes. What comes beyond it is lost, and counted.
pub(crate) const MAX_WAITING_BYTES: usize = 8 << 20;
/// What a line costs beside its text.
const LINE_BYTES: usize = 64;
/// How long one who wants a line written waits for it, once; afterwards nobody does until something is read
/// again.
const TIMEOUT: Duration = Duration::from_millis(200);
/// After how long a stream that takes nothing at the moment is asked again.
const AGAIN: Duration = Duration::from_millis(10);

/// Writes lines from a thread of its own, so that a reader who does not read holds up nobody.
///
/// ```text
/// print ──► waiting lines, at most 8 MiB ──► thread ──► stream ──► reader, perhaps
/// ```
#[derive(Debug)]
pub(crate) struct Printer {
    shared: Arc<Shared>,
    written: watch::Receiver<Written>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    left: Condvar,
}

/// What is not written yet.
#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Item>,
    bytes: usize,
    /// How many lines were ever taken in, lost ones included.
    taken_in: u64,
    /// How many of them are dealt with.
    dealt_with: u64,
    /// Somebody has waited for a line in vain, and nothing was written since.
    stalled: bool,
}

/// How many lines are dealt with: written, or lost.
type Written = u64;

#[derive(Debug)]
enum Item {
    Line(String),
    /// So many lines that stood here were lost.
    Lost(u64),
}

impl Printer {
    /// Starts the thread that writes to `stream`.
    ///
    /// # Errors
    /// When there can be no other thread.
    pub(crate) fn start(name: &str, stream: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (tell, written) = watch::channel(0);
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || Pen { stream, broken_off: false }.write_all(&theirs, &tell))?;
        Ok(Self { shared, written })
    }

    /// Has `line` written, without its end, and waits for nothing. Its place among all lines.
    pub(crate) fn print(&self, line: String) -> u64 {
        let mut waiting = self.shared.lock();
        waiting.take_in(line);
        self.shared.arrived.notify_one();
        waiting.taken_in
    }

    /// Has `line` written, and waits until it is, unless nobody reads.
    pub(crate) async fn print_and_wait(&self, line: String) {
        let place = self.print(line);
        if self.shared.lock().stalled {
            return;
        }
        let mut written = self.written.clone();
        let done = written.wait_for(|written| *written >= place);
        #[expect(clippy::disallowed_methods, reason = "people's patience is in the machine's time")]
        if tokio::time::timeout(TIMEOUT, done).await.is_err() {
            self.shared.lock().stalled = true;
        }
    }

    /// Waits until all is written, or nothing was for so long as `patience`.
    pub(crate) fn finish(&self, patience: Duration) {
        let mut waiting = self.shared.lock();
        while waiting.dealt_with < waiting.taken_in {
            let before = waiting.dealt_with;
            let (now, waited) =
                self.shared.left.wait_timeout(waiting, patience).unwrap_or_else(PoisonError::into_inner);
            waiting = now;
            if waited.timed_out() && waiting.dealt_with == before {
                return;
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next line to be written, when there is one.
    fn next(&self) -> Item {
        let mut waiting = self.lock();
        loop {
            if let Some(item) = waiting.lines.pop_front() {
                return item;
            }
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes that `item` is dealt with. How many are.
    fn dealt_with(&self, item: &Item) -> Written {
        let mut waiting = self.lock();
        match item {
            Item::Line(line) => {
                waiting.bytes = waiting.bytes.saturating_sub(line.len() + LINE_BYTES);
                waiting.dealt_with += 1;
            }
            Item::Lost(lines) => waiting.dealt_with += lines,
        }
        waiting.stalled = false;
        self.left.notify_all();
        waiting.dealt_with
    }
}

impl Waiting {
    fn take_in(&mut self, line: String) {
        self.taken_in += 1;
        let bytes = line.len() + LINE_BYTES;
        if self.bytes + bytes <= MAX_WAITING_BYTES {
            self.bytes += bytes;
            self.lines.push_back(Item::Line(line));
        } else if let Some(Item::Lost(lines)) = self.lines.back_mut() {
            *lines += 1;
        } else {
            self.lines.push_back(Item::Lost(1));
        }
    }
}

/// The end of the thread that writes.
struct Pen<W> {
    stream: W,
    /// The last line was not written to its end.
    broken_off: bool,
}

impl<W: Write> Pen<W> {
    /// Writes for as long as the program runs. A stream that takes nothing any more is offered the next line
    /// all the same: a disk that is full may be emptied, and what a closed pipe refuses costs nothing.
    fn write_all(mut self, shared: &Shared, tell: &watch::Sender<Written>) {
        let mut missing = 0;
        loop {
            let item = shared.next();
            let (line, lost) = match &item {
                Item::Line(line) => (Some(line), 1),
                Item::Lost(lines) => {
                    missing += lines;
                    (None, 0)
                }
            };
            match self.text(missing, line) {
                Ok(()) => missing = 0,
                Err(_) => missing += lost,
            }
            tell.send_replace(shared.dealt_with(&item));
        }
    }

    /// Says how many lines are missing here, if any are, and writes the next.
    fn text(&mut self, missing: u64, line: Option<&String>) -> io::Result<()> {
        let mut text = String::new();
        if self.broken_off {
            text.push('\n');
        }
        if missing > 0 {
            text.push_str(&format!("not shown: {missing} lines, which nobody read in time\n"));
        }
        if let Some(line) = line {
            text.push_str(line);
            text.push('\n');
        }
        self.bytes(text.as_bytes())
    }

    fn bytes(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    bytes = bytes.get(count..).unwrap_or_default();
                    self.broken_off = !bytes.is_empty();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Somebody who shares the stream has asked it not to block.
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(AGAIN),
                Err(error) => return Err(error),
            }
        }
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests;
