//! How the program ends: its exit codes, and what it says then.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

const PROGRAM: &str = env!("CARGO_BIN_EXE_embedded_relay");

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn help_is_printed_and_is_no_failure() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("--serve"));
    assert!(output.stderr.is_empty());
}

#[test]
fn a_mistaken_option_is_named_with_what_it_takes() {
    for (arguments, said) in [
        (
            &["--serve", "--listen", "here"][..],
            "--listen takes an address such as 127.0.0.1:8080, not \"here\"",
        ),
        (&["--serve", "--nonsense"], "there is no option --nonsense"),
        (&["--serve", "--user"], "--user takes a phone number"),
        (&["--webhook", "http://127.0.0.1:1/"], "--webhook goes with --serve"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(said), "{told}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn an_address_that_is_taken_is_a_failure_and_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["--serve", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&address));
}

#[test]
fn asked_to_end_it_ends_in_peace_and_leaves_nothing_behind() {
    for signal in [Signal::INT, Signal::TERM] {
        let temporary = tempfile::tempdir().unwrap();
        let mut child = Command::new(PROGRAM)
            .args(["--serve", "--listen", "127.0.0.1:0", "--say", "good morning", "--protect", "yes"])
            .env("TMPDIR", temporary.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The input has ended already. It goes on all the same, until the business has the message.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.any(|line| line.starts_with("ready on http://127.0.0.1:")));
        assert!(lines.any(|line| line.starts_with("106540352242922 <- 16505551234 ")));
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal:?}");
        assert_eq!(lines.last().as_deref(), Some("closed"));
        assert_eq!(temporary.path().read_dir().unwrap().count(), 0);
    }
}

/// It used to begin anew without a word: the business had a new identity, and message keys were used twice.
#[test]
fn a_store_that_is_lost_is_refused_unless_it_is_given_up_and_a_phone_is_set_up_anew() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let start = |more: &[&str]| {
        let fixed = ["--serve", "--listen", "127.0.0.1:0", "--data", data, "--say", "good morning"];
        let mut program = Command::new(PROGRAM);
        program.args(fixed).args(more).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // A relay that began anew cannot open what was sealed for the old one, and the user is told.
        let heard = lines.into_iter().any(|line| {
            line.starts_with("106540352242922 <- 16505551234 ") || line.contains("<- 106540352242922 failed ")
        });
        if heard {
            kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        }
        let output = child.wait_with_output().unwrap();
        (heard, output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(start(&[]).1, Some(0));
    std::fs::remove_dir_all(folder.path().join("relay")).unwrap();
    let (heard, code, told) = start(&[]);
    assert_eq!((heard, code), (false, Some(1)));
    assert!(told.contains("--begin-anew relay"), "{told}");
    let (heard, code, told) = start(&["--begin-anew", "relay"]);
    assert_eq!((heard, code), (true, Some(0)), "{told}");
    assert!(told.contains("new identities"), "{told}");

    std::fs::remove_dir_all(folder.path().join("devices")).unwrap();
    let (heard, code, told) = start(&[]);
    assert_eq!((heard, code), (true, Some(0)), "{told}");
    std::fs::remove_file(folder.path().join("keys/operator.key")).unwrap();
    let (heard, code, told) = start(&[]);
    assert_eq!((heard, code), (false, Some(1)));
    assert!(told.contains("operator.key") && !folder.path().join("keys/operator.key").exists(), "{told}");
}
