//! How fast each part of a message's way is, and what it costs, beside the least that its parts cost.

mod arrivals;
mod cost_lower_bounds;
mod http;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bulla_content::{Content, Text};
use bulla_store_fjall::FjallOptions;
use tokio::task::JoinSet;

pub(crate) use self::arrivals::{Arrivals, Stage};
pub(crate) use self::cost_lower_bounds::LowerBounds;
use self::http::{Connection, Server};
use crate::Extent;
use crate::clock::spent;
use crate::system_under_test::{Readers, SHOP, System, text};

/// A part of the way, from where a message comes in to where it is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Over HTTP until it is answered: durable and sealed. No device is there.
    Accepted,
    /// From a device until the business has it.
    Forwarded,
    /// Over HTTP until the user's device shows it. Nobody reads it.
    Shown,
    /// Over HTTP until the business has been told that it was sent, delivered and read.
    Told,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Accepted, Self::Forwarded, Self::Shown, Self::Told];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "HTTP accept",
            Self::Forwarded => "opened and forwarded",
            Self::Shown => "HTTP to the device's plaintext",
            Self::Told => "HTTP to all statuses told",
        }
    }

    /// What it is to come to in a second with a thousand users.
    pub(crate) const fn aim(self) -> Option<f64> {
        match self {
            Self::Accepted => Some(5_000.0),
            Self::Forwarded => None,
            Self::Shown => Some(4_000.0),
            Self::Told => Some(2_000.0),
        }
    }

    /// How many steps of sessions it takes, of sealing and of opening each.
    const fn turns(self) -> (f64, f64) {
        match self {
            Self::Accepted => (1.0, 0.0),
            // The text, and the relay's receipt.
            Self::Forwarded => (2.0, 2.0),
            Self::Shown => (2.0, 2.0),
            Self::Told => (3.0, 3.0),
        }
    }

    const fn is_http(self) -> bool {
        !matches!(self, Self::Forwarded)
    }
}

/// What a way came to with so many users.
#[derive(Clone, Copy)]
pub(crate) struct Speed {
    pub(crate) way: Way,
    pub(crate) users: usize,
    pub(crate) a_second: f64,
    /// Microseconds of processor time of the whole process, a message.
    pub(crate) cpu: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Bytes that went to the disk, a message.
    pub(crate) disk: f64,
    /// Commits and rows a message, in all three stores.
    pub(crate) commits: f64,
    pub(crate) rows: f64,
    /// Microseconds of processor time that its parts take by themselves.
    pub(crate) floor: f64,
}

/// What each way comes to with `users` users.
pub(crate) async fn measured(users: usize, extent: Extent, lower_bounds: &LowerBounds) -> Vec<Speed> {
    let mut speeds = Vec::new();
    for way in Way::ALL {
        let readers = match way {
            Way::Accepted => Readers::None,
            Way::Shown => Readers::Look,
            Way::Forwarded | Way::Told => Readers::Read,
        };
        let system = Arc::new(System::with(users, readers, FjallOptions::default()).await);
        let server = Server::of(&system).await;
        let run = Run { way, system: Arc::clone(&system), server: Arc::new(server) };
        // Every user has a session, and the day has begun.
        run.through(0..(users * 2).max(extent.window / 2), extent.in_flight, true).await;
        let speed = run.measured(users, extent, lower_bounds).await;
        eprintln!("{users} users, {}: {:.0} a second, {:.0} µs", way.name(), speed.a_second, speed.cpu);
        speeds.push(speed);
        drop(run);
        Arc::into_inner(system).unwrap().close().await;
    }
    speeds
}

struct Run {
    way: Way,
    system: Arc<System>,
    server: Arc<Server>,
}

impl Run {
    async fn measured(&self, users: usize, extent: Extent, lower_bounds: &LowerBounds) -> Speed {
        let from = 1_000_000;
        drop(self.system.asked());
        let (began, cpu, disk) = (Instant::now(), spent(), written());
        let mut waits = self.through(from..from + extent.speed, extent.in_flight, false).await;
        let (elapsed, cpu, disk) = (began.elapsed(), spent() - cpu, written() - disk);
        let asked = self.system.asked();
        waits.sort_unstable();
        let (count, at) = (extent.speed as f64, |share: usize| waits[(waits.len() - 1) * share / 100]);
        let commits = asked.iter().map(|asked| asked.commits).sum::<usize>() as f64 / count;
        let rows = asked.iter().map(|asked| asked.rows_written).sum::<usize>() as f64 / count;
        let (seals, opens) = self.way.turns();
        let http = if self.way.is_http() { lower_bounds.http } else { 0.0 };
        Speed {
            way: self.way,
            users,
            a_second: count / elapsed.as_secs_f64(),
            cpu: cpu * 1e6 / count,
            p50: at(50),
            p99: at(99),
            disk: disk / count,
            commits,
            rows,
            floor: http
                + seals * lower_bounds.seal
                + opens * lower_bounds.open
                + commits * lower_bounds.commit
                + rows * lower_bounds.row,
        }
    }

    /// Brings these messages through, so many at a time, and tells how long each took. When `all` the whole
    /// way, whatever is measured.
    async fn through(&self, places: std::ops::Range<usize>, in_flight: usize, all: bool) -> Vec<Duration> {
        let (next, last) = (Arc::new(AtomicUsize::new(places.start)), places.end);
        let mut writers = JoinSet::new();
        for _ in 0..in_flight {
            let (next, system, server, way) =
                (Arc::clone(&next), Arc::clone(&self.system), Arc::clone(&self.server), self.way);
            let way = if all && way == Way::Forwarded { Way::Told } else { way };
            writers.spawn(async move {
                let (mut connection, mut waits) = (server.connect().await, Vec::new());
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= last {
                        return waits;
                    }
                    let began = Instant::now();
                    one(way, &system, &mut connection, place).await;
                    waits.push(began.elapsed());
                }
            });
        }
        writers.join_all().await.concat()
    }
}

/// Brings one message through.
async fn one(way: Way, system: &System, connection: &mut Connection, place: usize) {
    let arrivals = &system.receipts.arrivals;
    let stage = match way {
        Way::Accepted => return connection.post(&system.users[place % system.users.len()], place).await,
        Way::Forwarded => Stage::Forwarded,
        Way::Shown => Stage::Shown,
        Way::Told => Stage::Read,
    };
    let arrived = arrivals.expect(stage, place);
    if way == Way::Forwarded {
        let content = Content::text(Text::new(text(place)).unwrap());
        system.devices[place % system.devices.len()].send(SHOP, &content).await.unwrap();
    } else {
        connection.post(&system.users[place % system.users.len()], place).await;
    }
    arrived.await.unwrap();
}

/// How many bytes this process has had written to the disk.
fn written() -> f64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap().parse().unwrap()
}
