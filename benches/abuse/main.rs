//! What honest traffic through a carrier comes to while somebody attacks it, and what the carrier holds then.
//!
//! `cargo bench -p bulla-benches --bench abuse`, with `-- --quick` for a look at whether it runs at all, and
//! with names of attacks for these alone. The carrier, the attacker and the honest parties are three
//! processes; the attacker has one thread, which yields to the others (nice 19).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a measurement that goes wrong should stop, is made with a clock, and says how far it is"
)]

mod attacks;
mod carrier_process;
#[path = "../businesses/clock.rs"]
#[expect(dead_code, reason = "another measurement uses the rest")]
mod clock;
mod frames;
mod honest;
mod link;
mod parties;
mod report;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use attacks::{ATTACKS, Attack};
use carrier_process::CarrierProcess;
use honest::{Latencies, Traffic};
use report::Row;
use tokio::runtime::Builder;

/// How long honest traffic is measured, without the attack and with it.
#[derive(Clone, Copy)]
struct Spans {
    before: Duration,
    during: Duration,
}

const FULL: Spans = Spans { before: Duration::from_secs(5), during: Duration::from_secs(8) };
const QUICK: Spans = Spans { before: Duration::from_millis(500), during: Duration::from_secs(1) };

/// How long the carrier has to itself between two attacks.
const PAUSE: Duration = Duration::from_secs(2);

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["carrier"] => carrier_process::serve(),
        ["attack", name, address] => attacks::run(name, address.parse().unwrap()),
        _ => measure(&arguments),
    }
}

fn measure(arguments: &[&str]) {
    let spans = if arguments.contains(&"--quick") { QUICK } else { FULL };
    let names: Vec<_> = arguments.iter().filter(|name| !name.starts_with("--")).collect();
    let is_wanted = |attack: &&Attack| names.is_empty() || names.contains(&&attack.name);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let rows = runtime.block_on(async {
        let mut carrier = CarrierProcess::start();
        let mut rows = Vec::new();
        attacks::leave_mail(carrier.address()).await;
        let traffic = Traffic::begin(carrier.address()).await;
        for attack in ATTACKS.iter().filter(is_wanted) {
            eprintln!("{}", attack.name);
            rows.push(beside(attack, &mut carrier, &traffic, spans).await);
        }
        rows
    });
    report::write(&rows, &mut std::io::stdout().lock()).unwrap();
}

/// What honest traffic is before and during `attack`.
async fn beside(attack: &Attack, carrier: &mut CarrierProcess, traffic: &Traffic, spans: Spans) -> Row {
    tokio::time::sleep(PAUSE).await;
    traffic.take();
    tokio::time::sleep(spans.before).await;
    let before = traffic.take();
    carrier.counters();
    let resting = carrier.reset_peak();
    let mut attacker = attacker(attack.name, carrier);
    tokio::time::sleep(spans.during).await;
    let during: Latencies = traffic.take();
    let (peak, counters) = (carrier.peak(), carrier.counters());
    attacker.kill().unwrap();
    let told = attacks::last_told(attacker);
    Row { attack: *attack, before, during, resting, peak, counters, told }
}

fn attacker(name: &str, carrier: &CarrierProcess) -> Child {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("nice");
    // As far down as it goes, wherever we are.
    command.args(["-n", "39"]).arg(program).args(["attack", name, &carrier.address().to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
}
