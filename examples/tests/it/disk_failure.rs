//! The disk fails under the relay's store while the program runs.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bulla::SystemClock;
use bulla::base::Clock;
use bulla_example_program::timing::within;
use rustix::process::{Pid, Resource, getrlimit, prlimit};

const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a program on a dead disk may take to end: its last answers have three seconds of it.
const SOON: Duration = Duration::from_secs(10);

/// How far something was written into the store's journal.
fn written(folder: &Path) -> u64 {
    let journal = fs::read(folder.join("relay/0.jnl")).unwrap();
    journal.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1
}

/// Waits until nothing is written any more, and returns how far it was.
async fn all_is_quiet(folder: &Path) -> u64 {
    let quiet = async {
        let mut before = written(folder);
        loop {
            SystemClock.sleep(Duration::from_millis(300)).await;
            let now = written(folder);
            if now == before {
                return now;
            }
            before = now;
        }
    };
    within(TIMEOUT, "quiet", quiet).await.unwrap()
}

fn start(data: &Path) -> Child {
    // A write beyond the limit fails then, and does not kill the program.
    let script = "trap '' XFSZ; exec \"$0\" \"$@\"";
    Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_embedded_relay")])
        .args(["--serve", "--listen", "127.0.0.1:0", "--token", "a-token", "--say", "good morning", "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Sends a text to the user, who has written before: the relay needs nobody but its store to accept it.
fn send(api: &str) -> String {
    let body = r#"{"messaging_product":"whatsapp","to":"16505551234","text":{"body":"good evening"}}"#;
    let mut connection = TcpStream::connect(api).unwrap();
    let head = "POST /v26.0/106540352242922/messages HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer a-token";
    write!(connection, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

/// The relay answered 500 for as long as anybody let it run, and no supervisor knew.
#[tokio::test]
async fn a_dead_disk_is_answered_503_and_ends_the_program_with_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut child = start(&data);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let ready =
        lines.find_map(|line| Some(line.strip_prefix("ready on http://")?.split(',').next()?.to_owned()));
    assert!(lines.any(|line| line.starts_with("106540352242922 <- 16505551234 ")));

    let limit = all_is_quiet(&data).await + 50;
    // The next write begins and does not end: nobody knows what of it the disk has.
    let mut files = getrlimit(Resource::Fsize);
    files.current = Some(limit);
    prlimit(Some(Pid::from_child(&child)), Resource::Fsize, files).unwrap();
    let answer = send(&ready.unwrap());
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"code\":131016"), "{answer}");

    let ends = async {
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            SystemClock.sleep(Duration::from_millis(20)).await;
        }
    };
    let status = within(SOON, "the end", ends).await.unwrap();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(status.code(), Some(1), "{told}");
    let reports: Vec<&str> = told.lines().filter(|line| line.starts_with("report: ")).collect();
    assert!(matches!(reports[..], [one] if one.starts_with("report: the relay has stopped: ")), "{told}");
    assert!(reports[0].contains("File too large"), "{told}");
    let last = told.lines().last().unwrap();
    assert!(last.starts_with("embedded_relay: the relay has stopped"), "{told}");
}
