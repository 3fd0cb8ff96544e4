//! The carrier, in a process of its own: what it holds is the carrier's alone.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use bulla_carrier::Carrier;
use bulla_carrier::grpc::{GrpcService, GrpcSettings, Listening, ProvenIdentity};
use bulla_store_fjall::{FjallOptions, FjallStore};
use bulla_transport::grpc::tls_server;
use bulla_vault::{MemoryKeyring, OperatorKey, Vault};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::clock::Machine;
use crate::parties::provider;

/// A certificate of the carrier's own tests, and its key.
const CERTIFICATE: &[u8] = include_bytes!("../../crates/bulla-carrier/tests/data/tls/carrier.der");
const KEY: &[u8] = include_bytes!("../../crates/bulla-carrier/tests/data/tls/carrier.key.der");

/// Is the carrier, until nobody asks for anything any more.
pub(crate) fn serve() {
    let recorder = DebuggingRecorder::new();
    let counters = recorder.snapshotter();
    recorder.install().unwrap();
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = runtime.block_on(async {
        let (clock, rng) = (Arc::new(Machine), Arc::new(Machine));
        let engine = FjallStore::open(folder.path(), FjallOptions::default()).unwrap();
        let keys = OperatorKey::from_bytes([7; 32], rng.clone());
        let vault = Vault::open(engine, MemoryKeyring::new(), &keys, clock.clone(), rng).await.unwrap();
        let carrier = Carrier::open(Arc::new(vault), clock.clone(), &Machine).await.unwrap();
        let identities = ProvenIdentity::new(clock.clone(), &Machine);
        let service = GrpcService::new(Arc::new(carrier), identities, GrpcSettings::default());
        let key = PrivateKeyDer::try_from(KEY).unwrap();
        let config = tls_server(provider(), vec![CertificateDer::from(CERTIFICATE)], key, clock).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listening = Listening::with_tls(listener, config);
        tokio::spawn(bulla_carrier::grpc::serve(service, listening, std::future::pending()));
        address
    });
    println!("{address}");
    for line in std::io::stdin().lock().lines() {
        line.unwrap();
        println!("{}", since_last(&counters));
    }
}

/// What was counted since this was last asked.
fn since_last(counters: &Snapshotter) -> String {
    let mut all = Vec::new();
    for (key, _, _, value) in counters.snapshot().into_vec() {
        let DebugValue::Counter(count @ 1..) = value else { continue };
        let labels: Vec<_> = key.key().labels().map(|label| label.value().to_owned()).collect();
        let name = key.key().name().trim_start_matches("bulla_carrier_").trim_end_matches("_total");
        all.push(format!("{name}{{{}}} {count}", labels.join(",")));
    }
    all.sort();
    all.join(", ")
}

/// It as its parent sees it.
pub(crate) struct CarrierProcess {
    process: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl CarrierProcess {
    pub(crate) fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut process =
            command.arg("carrier").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (asks, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let mut answers = BufReader::new(answers);
        let address = line(&mut answers).parse().unwrap();
        Self { process, asks, answers, address }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has counted since this was last asked.
    pub(crate) fn counters(&mut self) -> String {
        self.asks.write_all(b"\n").unwrap();
        line(&mut self.answers)
    }

    /// Forgets how much it has held; returns how much it holds, in bytes.
    pub(crate) fn reset_peak(&self) -> u64 {
        fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5").unwrap();
        self.status("VmRSS:")
    }

    /// The most it has held since, in bytes.
    pub(crate) fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for CarrierProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}
