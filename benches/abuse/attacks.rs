//! The attacks, each until its process is killed.

mod floods;
mod garbage;
mod slow;
mod storms;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bulla_carrier::grpc::UNFINISHED_BYTES_PER_ADDRESS;
pub(crate) use storms::leave_mail;
use tokio::runtime::Builder;

/// What an attack is, and what the carrier's settings let it take.
#[derive(Clone, Copy)]
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    run: fn(SocketAddr) -> Running,
    /// How many connections it has at most, and calls on all of them.
    connections: u64,
    calls: u64,
    /// From how many addresses its unfinished messages come.
    addresses: u64,
}

type Running = Pin<Box<dyn Future<Output = ()>>>;

/// What a connection and a call may take, in bytes, beside the messages that are coming on them.
const CONNECTION_BYTES: u64 = 60_000;
const CALL_BYTES: u64 = 29_000;

impl Attack {
    /// How much more than before the carrier may hold, in bytes.
    pub(crate) const fn allowed_bytes(&self) -> u64 {
        let unfinished = UNFINISHED_BYTES_PER_ADDRESS as u64;
        self.connections * CONNECTION_BYTES + self.calls * CALL_BYTES + self.addresses * unfinished
    }
}

macro_rules! attack {
    ($name:literal, $run:path, $connections:expr, $calls:expr, $addresses:expr) => {
        Attack {
            name: $name,
            run: |carrier| Box::pin($run(carrier)),
            connections: $connections,
            calls: $calls,
            addresses: $addresses,
        }
    };
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack!("nothing-but-the-processor", storms::idle_work, 0, 0, 0),
    attack!("slow-handshakes", slow::handshakes, 2_000, 0, 0),
    attack!("slow-prefaces", slow::prefaces, 1_000, 0, 0),
    attack!("slow-messages", slow::messages, 64, 4_096, 1),
    attack!("connections-one-address", floods::connections_of_one, 16_384, 0, 0),
    attack!("connections-many-addresses", floods::connections_of_many, 16_384, 0, 0),
    attack!("rapid-reset", floods::rapid_reset, 1, 4_096, 0),
    attack!("continuations", floods::continuations, 1, 1, 0),
    attack!("pings", floods::pings, 1, 0, 0),
    attack!("settings", floods::settings, 1, 0, 0),
    attack!("empty-data", floods::empty_data, 1, 1, 1),
    attack!("window-updates", floods::window_updates, 1, 1, 0),
    attack!("challenges", floods::challenges, 1, 1_000, 0),
    attack!("calls-without-credential", floods::calls, 1, 1_000, 0),
    attack!("oversized", garbage::oversized, 1, 1, 1),
    attack!("nested-and-malformed", garbage::malformed, 1, 1_000, 0),
    attack!("garbage-for-tls", garbage::instead_of_tls, 1, 0, 0),
    attack!("garbage-in-tls", garbage::in_tls, 1, 0, 0),
    attack!("never-acknowledged", storms::never_acknowledged, 32, 32, 1),
    attack!("storm-of-10000", storms::ten_thousand, 10_000, 0, 0),
];

/// Attacks the carrier, and says each half second what it did.
pub(crate) fn run(name: &str, carrier: SocketAddr) {
    let attack = ATTACKS.iter().find(|attack| attack.name == name).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        tokio::task::spawn_local(async {
            loop {
                tokio::time::sleep(Duration::from_millis(500)).await;
                let [done, connected, cut] = [&DONE, &CONNECTED, &CUT].map(count);
                println!("{done} sent, {connected} connections made, {cut} closed or refused");
            }
        });
        (attack.run)(carrier).await;
        std::future::pending::<()>().await;
    });
}

/// The last that the attacker's process has said.
pub(crate) fn last_told(mut attacker: Child) -> String {
    let told = BufReader::new(attacker.stdout.take().unwrap()).lines().map_while(Result::ok).last();
    attacker.wait().unwrap();
    told.unwrap_or_default()
}

/// What was sent (frames, calls or whole pieces of garbage, as the attack has it).
static DONE: AtomicUsize = AtomicUsize::new(0);
static CONNECTED: AtomicUsize = AtomicUsize::new(0);
static CUT: AtomicUsize = AtomicUsize::new(0);

fn count(of: &AtomicUsize) -> usize {
    of.load(Ordering::Relaxed)
}

fn more(of: &AtomicUsize, by: usize) {
    of.fetch_add(by, Ordering::Relaxed);
}
