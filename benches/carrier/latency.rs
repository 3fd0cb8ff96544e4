//! How long one message takes while there is no other, beside what it cannot do without.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use bulla_transport::{Sequence, Transport};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::bare_stream::{BareStream, EchoStream};
use crate::parties::{Party, envelope_bytes};
use crate::served_carrier::ServedCarrier;

/// How long nothing happens between two.
const PAUSE: Duration = Duration::from_millis(4);

/// What was timed, in turns.
pub(crate) struct Latencies {
    /// Bytes appended to a file and synced.
    pub(crate) sync: Times,
    /// A message through a bare stream and back.
    pub(crate) echo: Times,
    /// In milliseconds, how long the engine wrote and synced for each group, on average.
    pub(crate) engine_sync: f64,
    /// From the call that sends it until its outcome is there.
    pub(crate) outcome: Times,
    /// From the call that sends it until its receiver has it.
    pub(crate) delivered: Times,
}

/// How long something took each time.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// In milliseconds, the one that so many hundredths are no longer than.
    pub(crate) fn at(&self, hundredth: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted[(sorted.len() * hundredth / 100).min(sorted.len() - 1)].as_secs_f64() * 1e3
    }
}

/// Times each so many times.
pub(crate) async fn measured(times: usize) -> Latencies {
    let folder = tempfile::tempdir().unwrap();
    let served = ServedCarrier::start(folder.path()).await;
    let bare = BareStream::start().await;
    let mut stream = bare.stream().await;
    let (business, user) = (Party::business(1), Party::user(1));
    let (relay, device) = (served.way.transport(), served.way.transport());
    business.join(&relay).await;
    user.join(&device).await;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let receiver = user.clone();
    let receiving = tokio::spawn(async move {
        let mut after = Sequence::START;
        loop {
            let received = device.receive(&receiver.caller, after).await.unwrap();
            let _ = arrived.send(Instant::now());
            after = received.last().unwrap().sequence;
            device.acknowledge(&receiver.caller, &[after]).await.unwrap();
        }
    });
    let mut file = File::create(folder.path().join("bare")).unwrap();
    let mut found = Latencies {
        sync: Times::default(),
        echo: Times::default(),
        engine_sync: 0.0,
        outcome: Times::default(),
        delivered: Times::default(),
    };
    for turn in 0..times + times / 10 {
        let synced = sync(&mut file);
        tokio::time::sleep(PAUSE).await;
        let echoed = echo(&mut stream).await;
        tokio::time::sleep(PAUSE).await;
        let envelope = business.envelope_to(&user);
        let began = Instant::now();
        relay.send(&business.caller, envelope).await.unwrap();
        let (outcome, arrival) = (began.elapsed(), arrivals.recv().await.unwrap());
        tokio::time::sleep(PAUSE).await;
        // The first ones find everything cold.
        if turn >= times / 10 {
            found.sync.0.push(synced);
            found.echo.0.push(echoed);
            found.outcome.0.push(outcome);
            found.delivered.0.push(arrival.duration_since(began));
        }
    }
    let stats = served.engine.stats();
    found.engine_sync = stats.sync_time.as_secs_f64() * 1e3 / stats.syncs as f64;
    receiving.abort();
    drop(relay);
    bare.close();
    served.close().await;
    found
}

fn sync(file: &mut File) -> Duration {
    let bytes = vec![7; envelope_bytes()];
    tokio::task::block_in_place(|| {
        let began = Instant::now();
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
        began.elapsed()
    })
}

async fn echo(stream: &mut EchoStream) -> Duration {
    let message = Bytes::from(vec![7; envelope_bytes()]);
    let began = Instant::now();
    stream.said.send(message).await.unwrap();
    stream.heard.message().await.unwrap().unwrap();
    began.elapsed()
}
