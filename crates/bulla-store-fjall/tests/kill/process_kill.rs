use std::env;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::expected::Expected;
use crate::{FOLDER, ROLE, moment};

const STORES: u64 = 10;
const LIVES: u64 = 22;

/// Kills a writing child at a random moment, over and over on the same store, for several stores.
pub(crate) fn nothing_acknowledged_is_lost() {
    let (mut acknowledged, mut kills) = (0, 0);
    for _ in 0..STORES {
        let (folder, mut expected) = (TempDir::new().unwrap(), Expected::default());
        for life in 0..LIVES {
            let role = if life % 7 == 3 { "write and compact" } else { "write" };
            let mut writer = Writer::start(folder.path(), role);
            // Every other one is heard first, so that however slow the machine is something was acknowledged;
            // the rest may be cut short while they open the store.
            while life % 2 == 0 && writer.heard().is_empty() && writer.is_alive() {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(moment(10..160));
            assert!(writer.is_alive(), "the child ended before it was killed");
            expected.compare(&writer.kill(), folder.path());
            kills += 1;
        }
        acknowledged += expected.acknowledged();
    }
    assert!(acknowledged > 300, "only {acknowledged} entries were acknowledged: too few to tell");
    println!("{kills} kills, {acknowledged} entries acknowledged, none lost, doubled or out of order");
}

/// A child that writes, and a thread that hears what it reports.
pub(crate) struct Writer {
    child: Child,
    listener: JoinHandle<()>,
    heard: Arc<Mutex<String>>,
}

impl Writer {
    pub(crate) fn start(folder: &Path, role: &str) -> Self {
        Self::spawn(&mut Command::new(env::current_exe().unwrap()), folder, role)
    }

    /// Starts the child by a command of its own.
    pub(crate) fn spawn(command: &mut Command, folder: &Path, role: &str) -> Self {
        // Many end by a panic, which is theirs.
        let command = command.env(ROLE, role).env(FOLDER, folder).env("RUST_BACKTRACE", "0");
        let mut child = command.stdout(Stdio::piped()).process_group(0).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        let heard = Arc::new(Mutex::new(String::new()));
        let hears = Arc::clone(&heard);
        let listener = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                hears.lock().unwrap().push_str(std::str::from_utf8(&bytes[..length]).unwrap());
            }
        });
        Self { child, listener, heard }
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What it has reported up to now.
    pub(crate) fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }

    /// Ends it and whatever it started, and returns all that it reported.
    pub(crate) fn kill(mut self) -> String {
        let group = format!("-{}", self.child.id());
        Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status().unwrap();
        self.child.wait().unwrap();
        let Self { listener, heard, .. } = self;
        listener.join().unwrap();
        std::mem::take(&mut *heard.lock().unwrap())
    }

    /// Waits for it to end by itself, at most that long.
    pub(crate) fn wait(mut self, longest: Duration) -> Option<String> {
        let began = Instant::now();
        while began.elapsed() < longest {
            if !self.is_alive() {
                return Some(self.kill());
            }
            thread::sleep(Duration::from_millis(2));
        }
        self.kill();
        None
    }
}
