//! The two child processes, as the test sees them.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use bytes::{Buf, Bytes};

use crate::child::{FOLDER, Places, ROLE, WEBHOOK, words};
use crate::search::{Found, Search};
use crate::socket::{DONE, SocketClient};
use crate::tracked_rows::Comparison;

/// A party in a process of its own, which ends with this.
pub(crate) struct ChildProcess {
    pub(crate) role: &'static str,
    process: Child,
    places: Places,
    pub(crate) socket: SocketClient,
}

impl ChildProcess {
    /// Starts `role` and waits until it answers.
    pub(crate) async fn start(role: &'static str, places: Places, webhook: SocketAddr) -> Self {
        fs::create_dir(places.of(role)).unwrap();
        let printed = |name: &str| Stdio::from(File::create(places.of(role).join(name)).unwrap());
        let process = Command::new(std::env::current_exe().unwrap())
            .env(ROLE, role)
            .env(FOLDER, &places.0)
            .env(WEBHOOK, format!("http://{webhook}/webhook"))
            .stdin(Stdio::piped())
            .stdout(printed("stdout"))
            .stderr(printed("stderr"))
            .spawn()
            .unwrap();
        let socket = SocketClient::connect(&places.socket(role)).await;
        Self { role, process, places, socket }
    }

    async fn ask(&self, word: u8, body: &[u8]) -> Bytes {
        match self.socket.call(word, body).await {
            Ok((DONE, answer)) => answer,
            other => panic!("the {} does not answer: {other:?}", self.role),
        }
    }

    pub(crate) async fn plant(&self, bytes: &[u8]) {
        self.ask(words::PLANT, bytes).await;
    }

    pub(crate) async fn uproot(&self) {
        self.ask(words::UPROOT, &[]).await;
    }

    /// Erases the user with this number in the process at the end of `socket`. How long it took there, and
    /// how many records went.
    pub(crate) async fn erase(socket: &SocketClient, number: &str) -> (Duration, u64) {
        let (word, mut answer) = socket.call(words::ERASE, number.as_bytes()).await.unwrap();
        assert_eq!(word, DONE);
        (Duration::from_micros(answer.get_u64()), answer.get_u64())
    }

    pub(crate) async fn remember_rows(&self) {
        self.ask(words::REMEMBER, &[]).await;
    }

    pub(crate) async fn compare_rows(&self) -> Comparison {
        let mut answer = self.ask(words::COMPARE, &[]).await;
        Comparison::from_numbers(std::array::from_fn(|_| answer.get_u64()))
    }

    /// How many sessions were begun with keys from here.
    pub(crate) async fn bundles(&self) -> u64 {
        self.ask(words::BUNDLES, &[]).await.get_u64()
    }

    pub(crate) async fn port(&self) -> u16 {
        u16::try_from(self.ask(words::PORT, &[]).await.get_u64()).unwrap()
    }

    /// Looks through its memory.
    pub(crate) fn memory(&self, search: &Search) -> Found {
        search.memory(self.role, self.process.id())
    }

    /// Looks through its files: the store with its journals, the keyring, the log, and what it printed.
    pub(crate) fn files(&self, search: &Search) -> Found {
        let log = fs::metadata(self.places.of(self.role).join("log")).unwrap();
        assert!(log.len() > 0, "the {} writes no log", self.role);
        search.files(&self.places.of(self.role))
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        // It may have ended by itself, which was found out before.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            for name in ["stdout", "stderr"] {
                let said = fs::read_to_string(self.places.of(self.role).join(name));
                println!("the {} has said: {}", self.role, said.unwrap_or_default());
            }
        }
    }
}
