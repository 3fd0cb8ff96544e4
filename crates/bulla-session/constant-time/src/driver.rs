//! Runs the cases under valgrind and judges what it reports.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::cases::{CASES, Case};
use crate::lock_files;
use crate::allowed_findings::PUBLIC;
use crate::report::{HOME, Report};

/// How much of a report is shown.
const CALLS_SHOWN: usize = 12;

/// One case of one build, run.
struct Outcome {
    /// What the case wrote.
    told: String,
    /// What valgrind reported, if it came to the end.
    reports: Option<Vec<Report>>,
}

/// A case to be run: in the build with this X25519, by this binary.
type Job<'a> = (&'a str, &'a str, &'static Case);

pub(crate) fn check(builds: &[&str]) -> ExitCode {
    let mut faults = stale_locks();
    let outcomes = run_all(&jobs(builds, &mut faults));
    let (mut reported, mut leaks, mut found) = (0, 0, 0);
    let mut used = BTreeSet::new();
    for ((x25519, _, case), outcome) in &outcomes {
        let mut unexpected = Vec::new();
        for report in outcome.reports.iter().flatten() {
            match PUBLIC.iter().find(|public| public.excepts(report)) {
                Some(public) => _ = used.insert(public.name),
                None => unexpected.push(report),
            }
        }
        let verdict = judge(case, x25519, outcome, &unexpected);
        if case.leaks {
            leaks += 1;
            found += usize::from(verdict.is_ok());
        } else {
            reported += unexpected.len();
        }
        if let Err(fault) = verdict {
            unexpected.iter().for_each(|report| show(report));
            faults.push(format!("{} ({x25519}): {fault}", case.name));
        }
    }
    for unused in PUBLIC.iter().filter(|public| !used.contains(public.name)) {
        faults.push(format!("the exception for \"{}\" excepts nothing", unused.name));
    }
    for fault in &faults {
        eprintln!("error: {fault}");
    }
    println!(
        "{} cases, {reported} reports but of {} public things, {found} of {leaks} planted leaks found",
        outcomes.len() - leaks,
        used.len(),
    );
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show(report: &Report) {
    eprintln!("a secret decides a branch or an address:");
    report.calls.iter().take(CALLS_SHOWN).for_each(|call| eprintln!("    {call}"));
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
    let xml = std::env::temp_dir().join(format!("constant-time-{}-{}", std::process::id(), file_number()));
    let output = Command::new("valgrind")
        .args(["--tool=memcheck", "--leak-check=no", "--num-callers=40", "--error-limit=no", "--xml=yes"])
        .arg(format!("--xml-file={}", xml.display()))
        .args([binary, "case", case.name])
        .output();
    let reports = fs::read_to_string(&xml).ok().and_then(|xml| Report::all(&xml));
    // It may be missing, if valgrind did not even start.
    let _ = fs::remove_file(&xml);
    let told = match output {
        Ok(output) => {
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
        }
        Err(error) => error.to_string(),
    };
    Outcome { told, reports }
}

fn file_number() -> usize {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// Whether a case did all it should, in the build it should, and was reported if and only if it leaks on
/// purpose.
fn judge(case: &Case, x25519: &str, outcome: &Outcome, unexpected: &[&Report]) -> Result<(), String> {
    let told = outcome.told.trim();
    let expected = format!("{} operations, X25519 {x25519}", case.operations);
    if told != expected {
        return Err(format!("it told \"{told}\" instead of \"{expected}\""));
    }
    if outcome.reports.is_none() {
        return Err("valgrind did not come to the end".to_owned());
    }
    // Of the leak itself, not of anything before or after it.
    let planted = |report: &&Report| {
        report.calls.iter().any(|call| call.file == "bulla-session/constant-time/src/cases/planted_leaks.rs")
    };
    match (case.leaks, unexpected.len()) {
        (false, 0) => Ok(()),
        (false, reports) => Err(format!("{reports} reports")),
        (true, 1..) if unexpected.iter().all(planted) => Ok(()),
        (true, _) => Err("its leak was not found".to_owned()),
    }
}

fn stale_locks() -> Vec<String> {
    let read = |path: &str| {
        fs::read_to_string(Path::new(HOME).join(path)).map_err(|error| format!("{path}: {error}"))
    };
    match (read("Cargo.lock"), read("../../../Cargo.lock")) {
        (Ok(ours), Ok(workspace)) => lock_files::differences(&ours, &workspace),
        (Err(fault), _) | (_, Err(fault)) => vec![fault],
    }
}
