use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use super::traffic::Traffic;

pub const TOKEN: &str = "a-token";
pub const VERIFY_TOKEN: &str = "a-verify-token";
pub const APP_SECRET: &str = "an-app-secret";
pub const CARRIER_LOG: &str = "carrier.jsonl";

/// The program, from its start to its end.
pub struct RelayProcess {
    child: Child,
    listener: Option<JoinHandle<()>>,
    traffic: Arc<Traffic>,
}

impl RelayProcess {
    /// Starts it on whatever the last one left in `folder`.
    pub fn begin(folder: &Path, webhook: &str, users: &[&str], traffic: &Arc<Traffic>) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_embedded_relay"))
            .args(["--serve", "--listen", "127.0.0.1:0", "--webhook", webhook])
            .args(["--token", TOKEN, "--verify-token", VERIFY_TOKEN, "--app-secret", APP_SECRET])
            .args(users.iter().flat_map(|user| ["--user", user]))
            .arg("--data")
            .arg(folder.join("data"))
            .arg("--carrier-log")
            .arg(folder.join(CARRIER_LOG))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        traffic.note(|all| all.input = Some(input));
        let told = traffic.clone();
        let listener = std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let line = line.unwrap();
                told.note(|all| all.take_in(&line));
            }
        });
        Self { child, listener: Some(listener), traffic: traffic.clone() }
    }

    /// Kills it.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.is_over();
    }

    /// Asks it to end.
    pub fn interrupt(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self.is_over()
    }

    fn is_over(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        // What it said with its last breath still counts.
        self.listener.take().unwrap().join().unwrap();
        self.traffic.note(super::traffic::TrafficState::is_over);
        status
    }
}

impl Drop for RelayProcess {
    /// When the test fails, nothing stays behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
