use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// A stream whose reader says for each write how it ends.
struct Pipe {
    ends: Receiver<io::Result<()>>,
    got: Arc<Mutex<Vec<u8>>>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // When the reader says nothing any more, he takes all.
        self.ends.recv().unwrap_or(Ok(()))?;
        self.got.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Reader {
    read: Sender<io::Result<()>>,
    got: Arc<Mutex<Vec<u8>>>,
}

impl Reader {
    /// Lets the next write end so, and waits until the line is dealt with.
    fn take(&self, printer: &Printer, ends: impl IntoIterator<Item = io::Result<()>>) {
        let before = printer.shared.lock().dealt_with;
        for end in ends {
            self.read.send(end).unwrap();
        }
        while printer.shared.lock().dealt_with == before {
            std::thread::yield_now();
        }
    }

    /// Reads all, and tells what it was.
    fn lines(self, printer: &Printer) -> Vec<String> {
        drop(self.read);
        printer.finish(Duration::from_secs(60));
        let got = self.got.lock().unwrap();
        String::from_utf8(got.clone()).unwrap().lines().map(str::to_owned).collect()
    }
}

fn printer() -> (Printer, Reader) {
    let ((read, ends), got) = (channel(), Arc::default());
    let pipe = Pipe { ends, got: Arc::clone(&got) };
    (Printer::start("printer", pipe).unwrap(), Reader { read, got })
}

const LOST: &str = "not shown: 3 lines, which nobody read in time";

#[test]
fn nothing_is_lost_up_to_the_bound_and_beyond_it_is_counted_where_it_was_lost() {
    let (printer, reader) = printer();
    let long = "x".repeat(1 << 16);
    let fit = MAX_WAITING_BYTES / (long.len() + LINE_BYTES);
    for _ in 0..fit {
        printer.print(long.clone());
    }
    let rest = "y".repeat(MAX_WAITING_BYTES - fit * (long.len() + LINE_BYTES) - LINE_BYTES);
    printer.print(rest.clone());
    for _ in 0..3 {
        printer.print(String::new());
    }
    reader.take(&printer, [Ok(())]);
    printer.print("after".to_owned());
    let lines = reader.lines(&printer);
    assert_eq!(lines[fit..], [rest.as_str(), LOST, "after"]);
    assert!(lines[..fit].iter().all(|line| *line == long));
}

#[test]
fn what_was_lost_is_said_also_when_nothing_comes_after_it() {
    let (printer, reader) = printer();
    printer.print("x".repeat(MAX_WAITING_BYTES - LINE_BYTES));
    for _ in 0..3 {
        printer.print(String::new());
    }
    assert_eq!(reader.lines(&printer)[1..], [LOST]);
}

#[tokio::test(start_paused = true)]
async fn one_waits_for_a_reader_who_does_not_read_and_then_nobody_until_he_does() {
    let (printer, reader) = printer();
    let began = tokio::time::Instant::now();
    printer.print_and_wait("one".to_owned()).await;
    assert_eq!(began.elapsed().as_millis() / 2, TIMEOUT.as_millis() / 2);
    let waited = began.elapsed();
    printer.print_and_wait("two".to_owned()).await;
    assert_eq!(began.elapsed(), waited, "nobody waits while nothing is read");

    reader.take(&printer, [Ok(())]);
    printer.print_and_wait("three".to_owned()).await;
    assert!(began.elapsed() >= 2 * TIMEOUT, "something was read, so it is worth while to wait again");
    assert_eq!(reader.lines(&printer), ["one", "two", "three"]);
}

#[test]
fn a_stream_that_refuses_is_offered_the_next_line_and_told_what_is_missing() {
    let (printer, reader) = printer();
    for line in 0..4 {
        printer.print(line.to_string());
    }
    for _ in 0..3 {
        reader.take(&printer, [Err(ErrorKind::StorageFull.into())]);
    }
    reader.take(
        &printer,
        [ErrorKind::WouldBlock, ErrorKind::Interrupted]
            .map(|kind| Err(kind.into()))
            .into_iter()
            .chain([Ok(())]),
    );
    assert_eq!(reader.lines(&printer), [LOST, "3"]);
}

#[test]
fn the_end_does_not_wait_for_who_does_not_read() {
    let (printer, reader) = printer();
    printer.print("unread".to_owned());
    printer.finish(Duration::from_millis(1));
    assert_eq!(reader.got.lock().unwrap().len(), 0);
}
