//! What a device costs that is connected and for which nothing comes.
//!
//! The carrier is a process of its own, and so are the devices, so that its memory alone is counted:
//!
//! ```text
//! carrier --bench
//!   └─ carrier --idle-carrier 10000
//!        └─ carrier --idle-devices ADDRESS AUTHORITY FIRST COUNT
//! ```

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bulla_transport::{Sequence, Transport};
use futures_util::StreamExt;
use tokio::time::sleep;

use crate::parties::Party;
use crate::served_carrier::{ServedCarrier, Way};

pub(crate) const CARRIER: &str = "--idle-carrier";
pub(crate) const DEVICES: &str = "--idle-devices";

/// How many devices are there before, so that what is there once for all of them is.
const BEFORE: usize = 200;
/// How many connect at a time.
const AT_ONCE: usize = 32;
/// What is said when all are connected, and what is looked for.
const READY: &str = "ready";
/// How long it takes until nothing happens any more.
const SETTLING: Duration = Duration::from_secs(3);

/// Bytes of a carrier's memory for each of so many devices.
///
/// # Errors
/// When the other process ends without having told.
pub(crate) fn measured(devices: usize) -> io::Result<f64> {
    let mut command = Command::new(std::env::current_exe()?);
    // Else the allocator asks for huge pages, which count as a whole as soon as one byte of them is used.
    command.env("MIMALLOC_ALLOW_THP", "0");
    let told = command.args([CARRIER, &devices.to_string()]).stderr(Stdio::inherit()).output()?.stdout;
    let told = String::from_utf8_lossy(&told);
    told.trim().parse().map_err(|_| io::Error::other(format!("the idle carrier said {told:?}")))
}

/// Is the carrier, for so many devices, and tells what each has taken.
pub(crate) async fn carrier(devices: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let served = ServedCarrier::start(folder.path()).await;
    let first = Devices::start(&served.way, 0, BEFORE);
    sleep(SETTLING).await;
    let before = resident_bytes();
    let others = Devices::start(&served.way, BEFORE, devices);
    sleep(SETTLING).await;
    let each = (resident_bytes() - before) / devices as f64;
    drop((first, others));
    served.close().await;
    each
}

/// Is so many devices, each on a connection of its own, until nobody holds the other end of what it reads.
pub(crate) async fn devices(arguments: &[String]) {
    let [address, authority, first, count] = arguments else { panic!("{arguments:?}") };
    let way = Way { address: address.parse().unwrap(), authority: Path::new(authority).to_owned() };
    let (first, count): (usize, usize) = (first.parse().unwrap(), count.parse().unwrap());
    let connector = way.connector();
    futures_util::stream::iter(first..first + count)
        .for_each_concurrent(AT_ONCE, async |number| {
            let (user, transport) = (Party::user(number), Way::transport_over(&connector));
            user.join(&transport).await;
            let waits = transport.clone();
            tokio::spawn(async move { waits.receive(&user.caller, Sequence::START).await });
        })
        .await;
    sleep(SETTLING).await;
    #[allow(clippy::print_stdout, reason = "another process reads it")]
    {
        println!("{READY}");
    }
    tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
}

/// Another process, which ends with this.
struct Devices(Child);

impl Devices {
    /// Returns when all of them wait.
    fn start(way: &Way, first: usize, count: usize) -> Self {
        tokio::task::block_in_place(|| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args([DEVICES, &way.address.to_string()]).arg(&way.authority);
            command.args([first, count].map(|number| number.to_string()));
            let mut devices = Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
            let mut line = String::new();
            BufReader::new(devices.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
            assert_eq!(line.trim(), READY, "the devices have ended");
            devices
        })
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// How much memory this process has.
fn resident_bytes() -> f64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: f64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size() as f64
}
