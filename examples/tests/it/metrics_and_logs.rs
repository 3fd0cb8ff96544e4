//! What an operator sees of the program (metrics, logs), and that it goes on when nobody reads them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bulla::SystemClock;
use bulla::base::{Clock, PhoneNumberId};
use bulla_example_program::timing::within;
use bulla_examples::graph_client::GraphClient;
use rustix::process::{Pid, Signal, kill_process};

const BUSINESS: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
const USER: &str = "16505551234";
const TOKEN: &str = "a-token-nobody-else-has";
const TIMEOUT: Duration = Duration::from_secs(60);
/// Fills a pipe sixteen times over, and what else might be between.
const MESSAGES: usize = 256;

/// The program, ended with the test.
struct Program {
    child: Child,
    api: SocketAddr,
    metrics: SocketAddr,
}

impl Program {
    fn start(log: &str, output: Stdio, errors: Stdio) -> Self {
        let [api, metrics] = free_addresses();
        let child = Command::new(env!("CARGO_BIN_EXE_embedded_relay"))
            .args(["--serve", "--token", TOKEN, "--user", USER])
            .args(["--listen", &api.to_string(), "--metrics", &metrics.to_string()])
            .env("RUST_LOG", log)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap();
        Self { child, api, metrics }
    }

    /// A client, once the program listens. It says so in vain.
    async fn client(&self) -> GraphClient {
        let listens = async {
            while TcpStream::connect(self.api).is_err() {
                SystemClock.sleep(Duration::from_millis(20)).await;
            }
        };
        within(TIMEOUT, "listening", listens).await.unwrap();
        GraphClient::new(self.api, BUSINESS, TOKEN)
    }

    fn ask(&self, head: &str) -> String {
        let mut connection = TcpStream::connect(self.metrics).unwrap();
        connection.write_all(format!("{head} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    fn interrupt(&mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two addresses that nobody listens on: a program nobody listens to cannot tell which it has chosen.
fn free_addresses() -> [SocketAddr; 2] {
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap())
}

/// The API used to answer 48 messages and then nobody: a line that could not be printed held a thread, and
/// then the next.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_goes_on_when_nobody_reads_what_it_prints() {
    let (_unread, pipe) = std::io::pipe().unwrap();
    let both = [Stdio::from(pipe.try_clone().unwrap()), Stdio::from(pipe)];
    let [output, errors] = both;
    let mut program = Program::start("trace", output, errors);
    let client = program.client().await;
    let text = "x".repeat(4_096);
    for _ in 0..MESSAGES {
        let said = within(TIMEOUT, "an answer", client.say(USER, &text, None, None)).await.unwrap();
        said.unwrap();
    }
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_goes_on_when_its_output_is_closed() {
    let (output, errors) = (std::io::pipe().unwrap(), std::io::pipe().unwrap());
    let mut program = Program::start("trace", output.1.into(), errors.1.into());
    drop((output.0, errors.0));
    let client = program.client().await;
    for _ in 0..8 {
        within(TIMEOUT, "an answer", client.say(USER, "hello", None, None)).await.unwrap().unwrap();
    }
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted_where_it_can_be_asked_for() {
    let program = Program::start("warn", Stdio::null(), Stdio::inherit());
    let client = program.client().await;
    client.say(USER, "counted", None, None).await.unwrap();
    client.say(USER, "counted", None, None).await.unwrap();
    let page = program.ask("GET /metrics");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{page}");
    assert!(page.contains("\nbulla_relay_accepted_total{category=\"service\"} 2\n"), "{page}");
    assert!(!page.contains("650555") && !page.contains(TOKEN), "{page}");
    assert!(program.ask("GET /").starts_with("HTTP/1.1 404 "));
    assert!(program.ask("POST /metrics").starts_with("HTTP/1.1 405 "));
    let fat = program.ask(&format!("GET /{}", "x".repeat(16 << 10)));
    assert!(!fat.starts_with("HTTP/1.1 200"), "a head of 16 KiB was taken");
}

#[test]
fn what_is_told_can_be_asked_for_and_nonsense_is_named() {
    let refused = Program::start("bulla=loud", Stdio::null(), Stdio::piped());
    let told = refused.ended();
    assert!(told.contains("RUST_LOG=bulla=loud names nothing to tell"), "{told}");

    let mut program = Program::start("info", Stdio::piped(), Stdio::piped());
    let output = program.child.stdout.take().unwrap();
    assert!(BufReader::new(output).lines().any(|line| line.unwrap().starts_with("ready on ")));
    kill_process(Pid::from_child(&program.child), Signal::INT).unwrap();
    let told = program.ended();
    assert!(told.contains(" INFO "), "{told}");
    assert!(!told.contains("650555") && !told.contains(TOKEN), "{told}");
}

impl Program {
    /// What it has told when it has ended.
    fn ended(mut self) -> String {
        let mut told = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        self.child.wait().unwrap();
        told
    }
}
