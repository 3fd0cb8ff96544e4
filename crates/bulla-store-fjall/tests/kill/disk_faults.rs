//! The n-th operation of the disk fails, for every n.
//!
//! A child plays the same play under `strace`, which makes the n-th system call of one sort fail, or kills
//! the child before it; then the store is opened without it. `strace` counts for each thread of the child on
//! its own, so that in one run the n-th call of several threads may fail; every call of every thread has its
//! turn. To be killed before a call is to be killed after the one before it: nothing on the disk changes in
//! between, and the report is among the calls.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::TOLD_TO;
use crate::expected::Expected;
use crate::power_cut::{call, text};
use crate::process_kill::Writer;
use crate::scenario::TOO_SOON;

/// Everything the engine asks of a disk that can fail, and the report.
const CALLS: [&str; 14] = [
    "write",
    "pwrite64",
    "writev",
    "fsync",
    "fdatasync",
    "openat",
    "rename",
    "renameat",
    "unlink",
    "unlinkat",
    "mkdir",
    "ftruncate",
    "rmdir",
    "sendto",
];

const ERRORS: [&str; 2] = ["error=EIO", "error=ENOSPC"];

/// There are no more open files to be had.
const NO_FILES: &str = "error=EMFILE";

/// How many openings fail one after the other when nobody has files to give, and how far apart that begins.
const FLOODS: [usize; 2] = [20, 250];
const FLOOD_STEP: usize = 24;

const VIOLATED: &str = "VIOLATED";

/// As many plays as run at a time.
const AT_ONCE: usize = 3;
/// A play takes a second or two, and far longer where others compile.
const LONGEST: Duration = Duration::from_secs(90);

pub(crate) fn nothing_acknowledged_is_lost_whichever_disk_operation_fails() {
    let began = Instant::now();
    let (counts, startup) = calls_of_a_play();
    assert!(counts.get("fdatasync").is_some_and(|count| *count > 10), "the play hardly syncs: {counts:?}");
    let mut faults = Vec::new();
    for (call, count) in &counts {
        for number in 1..=*count {
            faults.push(Fault { call: call.clone(), what: "signal=KILL", number, calls: 1 });
            if call != "sendto" {
                faults.extend(ERRORS.map(|what| Fault { call: call.clone(), what, number, calls: 1 }));
            }
            if call == "openat" {
                let is_flooded = number > startup && number % FLOOD_STEP == 0;
                let calls = [1].into_iter().chain(FLOODS.into_iter().filter(|_| is_flooded));
                faults.extend(calls.map(|calls| Fault { call: call.clone(), what: NO_FILES, number, calls }));
            }
        }
    }
    let next = AtomicUsize::new(0);
    let endings = Mutex::new(BTreeMap::<(&str, String), usize>::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let ending = fault.play();
                    *endings.lock().unwrap().entry((fault.what, ending)).or_default() += 1;
                }
            });
        }
    });
    let endings = endings.into_inner().unwrap();
    let shorts = short_writes();
    println!("calls of one play, the most by one thread: {counts:?}");
    println!("endings: {endings:?}");
    assert!(endings.keys().all(|(_, ending)| ending != VIOLATED));
    println!(
        "faults: {} runs over {} sorts of calls, each n-th once with EIO, ENOSPC and a kill, each opening with EMFILE, floods of which stopped nobody, and {shorts} short writes: \
         nothing acknowledged was lost, doubled or out of order ({} s)",
        faults.len(),
        counts.len(),
        began.elapsed().as_secs()
    );
}

#[derive(Debug)]
struct Fault {
    call: String,
    what: &'static str,
    number: usize,
    /// So many calls fail one after the other.
    calls: usize,
}

impl Fault {
    /// Lets it happen, compares what is there, and tells how the play ended.
    fn play(&self) -> String {
        let folder = Stage::new();
        let Self { call, what, number, calls } = self;
        let inject = format!("inject={call}:{what}:when={number}..{}", number + calls - 1);
        let Some(report) = folder.play(&["-e", &inject]) else {
            println!("{self:?} had no end after {LONGEST:?}");
            return VIOLATED.to_owned();
        };
        if std::panic::catch_unwind(|| Expected::default().compare(&report, &folder.store())).is_err() {
            println!("{self:?} after a play that told: {report:?}");
            return VIOLATED.to_owned();
        }
        let ending = report.lines().last().and_then(|line| line.strip_prefix("end ")).unwrap_or("died");
        if self.is_strange(ending, &report) {
            println!("{self:?} ended a play, which told: {report:?}");
            return VIOLATED.to_owned();
        }
        ending.to_owned()
    }

    /// Who only finds no files goes on as soon as there are some. After a sync that failed nobody goes on:
    /// what it threw away, no later one brings back.
    ///
    /// A thread's first openings fail in every thread that the engine starts, however often it is opened
    /// again: then it may ask for patience, longer than a play is, and says so.
    fn is_strange(&self, ending: &str, report: &str) -> bool {
        match (self.call.as_str(), self.what) {
            (_, NO_FILES) => ending != "played" && !report.contains(TOO_SOON),
            ("fdatasync", what) if ERRORS.contains(&what) => ending == "played",
            _ => false,
        }
    }
}

/// Lets files grow to a limit and no further, at every kilobyte that the play adds to its journal: the write
/// that comes there is cut short.
fn short_writes() -> usize {
    let before = Stage::new();
    let mut expected = Expected::default();
    expected.compare(&before.act(&mut Command::new(env::current_exe().unwrap())).unwrap(), &before.store());
    let journal = |stage: &Stage| {
        let files = fs::read_dir(stage.store()).unwrap().map(|file| file.unwrap());
        files
            .filter(|file| file.path().extension().is_some_and(|end| end == "jnl"))
            .map(|file| file.metadata().unwrap().len())
            .max()
            .unwrap()
    };
    // Opening cuts the room off that was made for it, so that it grows from here.
    let (first, more) = (journal(&before), 40 << 10);
    assert!(first < 60 << 20, "the journal is as long as what is in it: {first}");
    let mut cut = 0;
    for limit in (first / 512 + 1..(first + more) / 512).step_by(1) {
        let stage = Stage::new();
        call("cp", &["-r", text(&before.store()), text(&stage.store())]);
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\"");
        let mut child = Command::new("sh");
        child.args(["-c", &script]).arg(env::current_exe().unwrap());
        let report = stage.act(&mut child).unwrap();
        assert!(report.ends_with("end poisoned\n"), "with files of {limit} blocks: {report}");
        expected.clone().compare(&report, &stage.store());
        cut += 1;
    }
    cut
}

/// How often each call is made in a play where nothing fails, by the thread that makes it most often; and how
/// many files the child opens before the first of the store, such as its libraries.
fn calls_of_a_play() -> (BTreeMap<String, usize>, usize) {
    let stage = Stage::new();
    let log = stage.0.path().join("log");
    let trace = format!("trace={}", CALLS.join(","));
    let report = stage.play(&["-e", &trace, "-o", log.to_str().unwrap()]);
    assert!(report.is_some_and(|report| report.ends_with("end played\n")), "the play is played to its end");
    let mut counts = BTreeMap::<(String, String), usize>::new();
    let (log, store) = (fs::read_to_string(log).unwrap(), stage.store());
    let before = log.lines().take_while(|line| !line.contains(text(&store)));
    let startup = before.filter(|line| line.contains(" openat(")).count();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
        if CALLS.contains(&call) {
            *counts.entry((call.to_owned(), thread.to_owned())).or_default() += 1;
        }
    }
    let mut most = BTreeMap::<String, usize>::new();
    for ((call, _), count) in counts {
        let most = most.entry(call).or_default();
        *most = count.max(*most);
    }
    (most, startup)
}

/// Where a play is given: in memory, since it is not the disk that is tried here.
struct Stage(TempDir);

impl Stage {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        Self(if memory.exists() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() })
    }

    fn store(&self) -> std::path::PathBuf {
        self.0.path().join("store")
    }

    fn play(&self, arguments: &[&str]) -> Option<String> {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "--seccomp-bpf"]);
        if !arguments.contains(&"-o") {
            strace.args(["-o", "/dev/null"]);
        }
        strace.args(arguments).arg(env::current_exe().unwrap());
        self.act(&mut strace)
    }

    /// Lets a child play, and returns what it told.
    fn act(&self, child: &mut Command) -> Option<String> {
        let told_to = self.0.path().join("told");
        let ears = UnixDatagram::bind(&told_to).unwrap();
        let (sender, heard) = mpsc::channel();
        ears.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let (over, is_over) = mpsc::channel::<()>();
        let listener = thread::spawn(move || {
            let mut line = [0; 256];
            loop {
                match ears.recv(&mut line) {
                    Ok(length) => sender.send(String::from_utf8_lossy(&line[..length]).into_owned()).unwrap(),
                    // All that was said before the end has been heard.
                    Err(_) if is_over.try_recv().is_ok() => return,
                    Err(_) => {}
                }
            }
        });
        child.env(TOLD_TO, &told_to).stderr(Stdio::null());
        let ended = Writer::spawn(child, &self.store(), "play").wait(LONGEST);
        over.send(()).unwrap();
        listener.join().unwrap();
        ended.map(|_| heard.iter().collect())
    }
}
