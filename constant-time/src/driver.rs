//! Runs the cases under valgrind and judges what it reports.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::cases::{CASES, Case};
use crate::lock;

const HOME: &str = env!("CARGO_MANIFEST_DIR");
/// What valgrind exits with if there was a report.
const REPORTED: i32 = 99;

/// One case of one build, run.
struct Outcome {
    code: Option<i32>,
    /// What the case wrote.
    told: String,
    /// What valgrind wrote.
    log: String,
}

/// A case to be run: in the build with this X25519, by this binary.
type Job<'a> = (&'a str, &'a str, &'static Case);

pub(crate) fn check(builds: &[&str]) -> ExitCode {
    let mut faults = stale_locks();
    let outcomes = run_all(&jobs(builds, &mut faults));
    let (mut reports, mut excepted, mut leaks, mut found) = (0, 0, 0, 0);
    let mut used = BTreeSet::new();
    for ((x25519, _, case), outcome) in &outcomes {
        let verdict = judge(case, x25519, outcome);
        let (reported, public) = summary(&outcome.log).unwrap_or_default();
        excepted += public;
        used.extend(exceptions_used(&outcome.log));
        if case.leaks {
            leaks += 1;
            found += usize::from(verdict.is_ok());
        } else {
            reports += reported;
        }
        if let Err(fault) = verdict {
            // What valgrind says of itself stands between other marks.
            outcome.log.lines().filter(|line| line.starts_with("==")).for_each(|line| eprintln!("{line}"));
            faults.push(format!("{} ({x25519}): {fault}", case.name));
        }
    }
    let exceptions = exceptions();
    for unused in exceptions.iter().filter(|name| !used.contains(name.as_str())) {
        faults.push(format!("the exception \"{unused}\" excepts nothing"));
    }
    for fault in &faults {
        eprintln!("error: {fault}");
    }
    println!(
        "{} cases, {reports} reports, {found} of {leaks} planted leaks found; {excepted} reports of {} public things",
        outcomes.len() - leaks,
        exceptions.len(),
    );
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every case of the first build, and of the others those in which they differ from it.
fn jobs<'a>(builds: &[&'a str], faults: &mut Vec<String>) -> Vec<Job<'a>> {
    let mut jobs = Vec::new();
    for (place, build) in builds.iter().enumerate() {
        let Some((x25519, binary)) = build.split_once('=') else {
            faults.push(format!("\"{build}\" is not X25519=BINARY"));
            continue;
        };
        let cases = CASES.iter().filter(|case| place == 0 || case.x25519);
        jobs.extend(cases.map(|case| (x25519, binary, case)));
    }
    jobs
}

/// As many at a time as there are processors.
fn run_all<'a>(jobs: &[Job<'a>]) -> Vec<(Job<'a>, Outcome)> {
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(&job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = run(job.1, job.2);
                    outcomes.lock().unwrap().push((job, outcome));
                }
            });
        }
    });
    outcomes.into_inner().unwrap()
}

fn run(binary: &str, case: &Case) -> Outcome {
    let log = std::env::temp_dir().join(format!("constant-time-{}-{}", std::process::id(), log_number()));
    let output = Command::new("valgrind")
        .args(["--tool=memcheck", "--leak-check=no", "--num-callers=40", "-v"])
        .arg(format!("--error-exitcode={REPORTED}"))
        .arg(format!("--suppressions={}", exceptions_file()))
        .arg(format!("--log-file={}", log.display()))
        .args([binary, "case", case.name])
        .output();
    let written = fs::read_to_string(&log).unwrap_or_default();
    // It may be missing, if valgrind did not even start.
    let _ = fs::remove_file(&log);
    match output {
        Ok(output) => Outcome {
            code: output.status.code(),
            told: [output.stdout, output.stderr]
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .concat(),
            log: written,
        },
        Err(error) => Outcome { code: None, told: error.to_string(), log: written },
    }
}

fn log_number() -> usize {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// Whether a case did all it should, in the build it should, and was reported if and only if it leaks on purpose.
fn judge(case: &Case, x25519: &str, outcome: &Outcome) -> Result<(), String> {
    let told = outcome.told.trim();
    let expected = format!("{} operations, X25519 {x25519}", case.operations);
    if told != expected {
        return Err(format!("it told \"{told}\" instead of \"{expected}\""));
    }
    let (reports, _) = summary(&outcome.log).ok_or("valgrind wrote no summary")?;
    match (case.leaks, reports, outcome.code) {
        (false, 0, Some(0)) => Ok(()),
        (false, _, _) => Err(format!("{reports} reports")),
        // Of the leak itself, not of anything before or after it.
        (true, 1.., Some(REPORTED)) if outcome.log.contains("cases::planted::") => Ok(()),
        (true, _, _) => Err("its leak was not found".to_owned()),
    }
}

/// How many reports there were, and how many more were excepted, of a line such as
/// "ERROR SUMMARY: 8 errors from 1 contexts (suppressed: 4 from 2)".
fn summary(log: &str) -> Option<(usize, usize)> {
    let (_, line) = log.rsplit_once("ERROR SUMMARY: ")?;
    let (reports, rest) = line.split_once(' ')?;
    let (_, rest) = rest.split_once("(suppressed: ")?;
    let (excepted, _) = rest.split_once(' ')?;
    Some((reports.replace(',', "").parse().ok()?, excepted.replace(',', "").parse().ok()?))
}

/// The names in "--7-- used_suppression:   4 name file:line".
fn exceptions_used(log: &str) -> impl Iterator<Item = String> {
    log.lines().filter_map(|line| {
        let (_, rest) = line.split_once("used_suppression:")?;
        let (name, _) = rest.trim().split_once(' ')?.1.rsplit_once(' ')?;
        Some(name.to_owned())
    })
}

/// The names of all exceptions: the line behind each opening brace.
fn exceptions() -> Vec<String> {
    let text = fs::read_to_string(exceptions_file()).unwrap_or_default();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    lines.windows(2).filter(|pair| pair[0] == "{").map(|pair| pair[1].to_owned()).collect()
}

fn exceptions_file() -> String {
    format!("{HOME}/public.supp")
}

fn stale_locks() -> Vec<String> {
    let read = |path: &str| {
        fs::read_to_string(Path::new(HOME).join(path)).map_err(|error| format!("{path}: {error}"))
    };
    match (read("Cargo.lock"), read("../Cargo.lock")) {
        (Ok(ours), Ok(workspace)) => lock::differences(&ours, &workspace),
        (Err(fault), _) | (_, Err(fault)) => vec![fault],
    }
}
