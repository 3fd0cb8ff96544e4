//! The official build, in a Node process.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

const NAME: &str = "theirs";

/// A party of the official build.
pub(crate) struct OfficialPeer {
    node: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Why the official build did not open a message.
#[derive(Debug)]
pub(crate) struct Refused {
    /// It says that it has opened it before.
    pub(crate) duplicate: bool,
    #[expect(dead_code, reason = "shown when a test fails")]
    pub(crate) message: String,
}

impl OfficialPeer {
    pub(crate) fn start() -> Self {
        let home = std::env::var("LIBSIGNAL_HOME").map(PathBuf::from).unwrap_or_else(|_| {
            panic!("set LIBSIGNAL_HOME to a folder in which `npm ci` has installed tests/live/package.json")
        });
        let script = home.join("peer.mjs");
        assert!(script.exists(), "{} is missing: copy tests/live/peer.mjs there", script.display());
        let mut node = Command::new("node")
            .arg(script)
            .current_dir(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("Node 20 or newer is needed: {error}"));
        let (orders, answers) = (node.stdin.take().unwrap(), BufReader::new(node.stdout.take().unwrap()));
        let mut official = Self { node, orders, answers };
        official.reinstall();
        official
    }

    fn order(&mut self, mut order: Value) -> Value {
        order["party"] = NAME.into();
        writeln!(self.orders, "{order}").unwrap();
        self.orders.flush().unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn must(&mut self, order: Value) -> Value {
        let answer = self.order(order);
        assert!(answer["error"].is_null(), "{answer}");
        answer
    }

    /// A new identity and nothing else.
    pub(crate) fn reinstall(&mut self) {
        self.must(json!({ "op": "new" }));
    }

    pub(crate) fn snapshot(&mut self) {
        self.must(json!({ "op": "snapshot" }));
    }

    pub(crate) fn restore(&mut self) {
        self.must(json!({ "op": "restore" }));
    }

    pub(crate) fn bundle(&mut self, one_time: bool) -> Value {
        self.must(json!({ "op": "bundle", "one_time": one_time }))
    }

    pub(crate) fn begin(&mut self, bundle: &Value) {
        self.must(json!({ "op": "begin", "peer": "ours", "bundle": bundle }));
    }

    /// The kind and the bytes of a sealed message.
    pub(crate) fn seal(&mut self, plaintext: &[u8]) -> (u8, Vec<u8>) {
        let answer = self.must(json!({ "op": "seal", "peer": "ours", "plaintext": to_hex(plaintext) }));
        (u8::try_from(answer["kind"].as_u64().unwrap()).unwrap(), from_hex(&answer["bytes"]))
    }

    pub(crate) fn open(&mut self, kind: u8, bytes: &[u8]) -> Result<Vec<u8>, Refused> {
        let answer =
            self.order(json!({ "op": "open", "peer": "ours", "kind": kind, "bytes": to_hex(bytes) }));
        match answer["error"].as_str() {
            None => Ok(from_hex(&answer["plaintext"])),
            // The official build's code for a message it has opened before.
            Some(message) => Err(Refused { duplicate: answer["code"] == 1, message: message.to_owned() }),
        }
    }
}

impl Drop for OfficialPeer {
    fn drop(&mut self) {
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn from_hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap().as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap();
    text.chunks_exact(2).map(|pair| u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).unwrap()).collect()
}
